import { describe, expect, it } from '@jest/globals';
import { correlate } from '../../pairs/agreement.ts';
import { compareHard } from '../../pairs/compare.ts';
import { measureByColumns } from '../../pairs/measure-columns.ts';
import { type Measurement, sqlCollect, writeMeasurement } from '../../pairs/measurement.ts';
import { reportMeasurement } from '../../pairs/report.ts';
import { withSpillingDuckDb } from '../../data/duckdb/run-files.ts';
import { betr } from '../cli/betr.ts';
import { openPairRun, type PairRun } from './pair-run.ts';

/** Ten pairs; the margin of pair i is -i, so they are the harder the later they come. The last one is unknown. */
const rows = Array.from({ length: 10 }, (_, i) => ({
  id: `p${i}`,
  prompt: `prompt ${i}`,
  chosen: i < 5 ? 'yes, that is so' : 'yes',
  rejected: `no ${i}`,
  source: i < 6 ? 'chat' : 'maths',
  language: 'en',
  ref_chosen_logps: -100,
  ref_rejected_logps: -100,
  c: i === 9 ? 'NaN' : -100 - i * 50,
  r: -100 + i * 10,
}));
const settings = { logProbabilities: { beta: 1, chosen: 'c', rejected: 'r' } };
const loss = (margin: number): number => Math.log1p(Math.exp(-margin));

/** Adds a measurement with these margins, one for each pair. */
function addMeasurement(
  { run, set }: PairRun,
  name: string,
  margins: readonly number[],
): Promise<Measurement> {
  const values = margins.map((margin, pair) => `(${pair}, 'a', NULL, ${margin})`).join(', ');
  return withSpillingDuckDb(run.files.spill, (connection) =>
    writeMeasurement(
      connection,
      set,
      {
        name,
        method: 'models',
        proxy: false,
        beta: 1,
        checkpoints: 'last',
        settings: {},
        seconds: 0,
        notes: [],
      },
      sqlCollect(`SELECT * FROM (VALUES ${values}) AS v(pair, model, step, margin)`, margins.length),
    ),
  );
}

describe('a report', () => {
  it('says what is hard, by source and length, and why pairs are unknown', async () => {
    const made = await openPairRun(rows, settings);
    try {
      const { run, set, folder } = made;
      const report = await reportMeasurement(run, set, await measureByColumns(run, set, 'last'));
      expect(report.measurement).toMatchObject({
        known: 9,
        unknown: { 'a log probability is not a number': 1 },
      });
      expect(report.difficulty).toMatchObject({
        least: expect.closeTo(loss(0), 9),
        median: expect.closeTo(loss(-4 * 60), 9),
        most: expect.closeTo(loss(-8 * 60), 9),
        spread: null,
        learned: 0,
      });
      // Hard are 20% of nine: the last two known ones.
      expect(report.groups.source).toEqual([
        { group: 'chat', pairs: 6, known: 6, median: expect.closeTo(150, 9), hard: 0 },
        { group: 'maths', pairs: 4, known: 3, median: expect.closeTo(420, 9), hard: 2 / 3 },
      ]);
      expect(report.groups.longer.map(({ group, pairs }) => [group, pairs])).toEqual([
        ['chosen', 5],
        ['rejected', 5],
      ]);
      expect(report.groups.category).toEqual([
        { group: null, pairs: 10, known: 9, median: expect.anything(), hard: 2 / 9 },
      ]);
      expect(report.histogram.steps.reduce((sum, pairs) => sum + pairs, 0)).toBe(9);

      const { stdout: text } = await betr(folder, ['pairs', 'report', 'feedback']);
      expect(text).toContain('unknown: 1 pair: a log probability is not a number');
      expect(text).toMatch(/maths +4 +420\.000 +66\.7%/);
      // All pairs have one language, so there is nothing to compare.
      expect(text).not.toContain('language');
    } finally {
      await made.remove();
    }
  });

  it('lists what is hard for two measurements, and for the first only', async () => {
    const made = await openPairRun(rows);
    try {
      const { run, set, folder } = made;
      const small = await addMeasurement(made, 'models-small', [9, 8, 7, 6, 5, 4, 3, 2, -5, -4]);
      const large = await addMeasurement(made, 'models-large', [9, 8, 7, 6, 5, 4, 3, -5, -4, 2]);
      const comparison = await compareHard(run, set, small, large);
      expect(comparison).toMatchObject({
        both: 10,
        hardForBoth: { pairs: 1, listed: [{ id: 'p8', difficulty: expect.closeTo(loss(-5), 9) }] },
        hardForFirst: { pairs: 1, listed: [{ id: 'p9', prompt: 'prompt 9' }] },
        hardForSecond: { pairs: 1 },
      });
      // Ranks of the last three: 8 10 9 and 10 9 8; 1 - 6 (4 + 1 + 1) / 990.
      expect(comparison.spearman).toBeCloseTo(1 - 36 / 990, 9);
      const { stdout: text } = await betr(folder, [
        ...['pairs', 'report', 'feedback'],
        ...['--measurement', 'models-small', '--and', 'models-large'],
      ]);
      expect(text).toMatch(/for both +1 +may be mislabeled/);
      expect(text).toMatch(/p8 +5\.007 +4\.018 +prompt 8/);
    } finally {
      await made.remove();
    }
  });
});

describe('agreement', () => {
  it('is unknown for constant or too few values', () => {
    expect(correlate([1, 1, 1], [1, 2, 3])).toEqual({ pairs: 3, spearman: null, low: null, high: null });
    expect(correlate([1], [2]).spearman).toBeNull();
  });

  it('has an interval around it that narrows with more pairs', () => {
    const width = (pairs: number): number => {
      const a = Array.from({ length: pairs }, (_, i) => i);
      const b = a.map((i) => i + pairs * Math.abs(Math.sin(i)));
      const { spearman, low, high } = correlate(a, b);
      expect(low).toBeLessThanOrEqual(spearman ?? NaN);
      expect(high).toBeGreaterThanOrEqual(spearman ?? NaN);
      return (high ?? 0) - (low ?? 0);
    };
    expect(width(2000)).toBeLessThan(width(50) / 3);
  });
});
