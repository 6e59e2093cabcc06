// Which documents an audit draws.

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Audit } from '../../../evaluation/audit/audit.ts';
import { drawAudit, type DrawOptions } from '../../../evaluation/audit/draw.ts';
import { cutSlices, shareOut, spreadOverSources } from '../../../evaluation/audit/strata.ts';
import { rankCorpus } from '../../../ranking/rank.ts';
import { silent } from '../../../run/progress.ts';
import { scoreSlowly, withPicky } from '../../ranking/picky-corpora.ts';
import { makeRows, rankRows, type Row, withRun } from '../../ranking/synthetic.ts';

const options: DrawOptions = { scorer: 'betr', question: 'Good?', count: 60, slices: 6, twice: 0.2, seed: 1 };

function draw(rows: readonly Row[], more: Partial<DrawOptions> = {}): Promise<Audit> {
  return withRun(async (run) => drawAudit(run, await rankRows(run, rows), { ...options, ...more }));
}

const keysOf = ({ drawn }: Audit): string[] => drawn.map(({ shard, row }) => `${shard} ${row}`).sort();

describe('a draw', () => {
  const rows = makeRows(600);

  it('takes as many documents from each slice, and slices have equal shares of the documents', async () => {
    const { slices, drawn } = await draw(rows);
    expect(slices).toHaveLength(6);
    expect(slices.reduce((sum, { documents }) => sum + documents, 0)).toBe(600);
    expect(slices.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(
      rows.reduce((sum, { tokens }) => sum + tokens, 0),
    );
    for (const [at, slice] of slices.entries()) {
      const own = rows.filter(
        ({ score }) =>
          (slice.from === null || score >= slice.from) && (slice.to === null || score < slice.to),
      );
      expect(slice.documents).toBe(own.length);
      expect(Math.abs(own.length - 100)).toBeLessThan(5);
      const taken = drawn.filter((document) => document.slice === at);
      expect(taken).toHaveLength(10);
      for (const { score, shard, row, source, tokens, document } of taken)
        expect(own).toContainEqual(expect.objectContaining({ score, shard, row, source, tokens, document }));
      // Each source by its share, up or down to a whole document.
      for (const source of ['books', 'code', 'news', 'science']) {
        const exact = (10 * own.filter((document) => document.source === source).length) / own.length;
        const got = taken.filter((document) => document.source === source).length;
        expect(Math.abs(got - exact)).toBeLessThan(1);
      }
    }
  });

  it('is the same for the same ranking, seed and options, and another for another seed', async () => {
    const first = await draw(rows);
    expect({ ...(await draw(rows)), drawnAt: '' }).toEqual({ ...first, drawnAt: '' });
    // Where the rows are in the parts does not matter.
    expect((await draw(rows.toReversed())).drawn).toEqual(first.drawn);
    const other = await draw(rows, { seed: 2 });
    expect(other.id).not.toBe(first.id);
    expect(keysOf(other)).not.toEqual(keysOf(first));
  });

  it('gives each document of a slice the same chance', async () => {
    const times = new Map<string, number>();
    const draws = 24;
    await withRun(async (run) => {
      const ranking = await rankRows(run, makeRows(60));
      for (let seed = 0; seed < draws; seed++)
        for (const { shard, row } of (
          await drawAudit(run, ranking, { ...options, count: 15, slices: 3, seed })
        ).drawn)
          times.set(`${shard} ${row}`, (times.get(`${shard} ${row}`) ?? 0) + 1);
    });
    // A chance of 1 in 4 each: binomial, with the mean 6 and the variance 4.5 over the 60 documents. Draws that
    // depend on each other or on the document have another variance.
    const squares = [...times.values()].reduce((sum, count) => sum + (count - draws / 4) ** 2, 0);
    // A document that was never drawn is not in the map.
    const variance = (squares + (60 - times.size) * (draws / 4) ** 2) / 60;
    expect(variance).toBeGreaterThan(4.5 / 2);
    expect(variance).toBeLessThan(4.5 * 1.6);
  });

  it('never takes more than the ranking has, nor any document twice', async () => {
    const few = await draw(makeRows(20));
    expect(few.drawn).toHaveLength(20);
    expect(new Set(keysOf(few)).size).toBe(20);
    expect(few.slices.every(({ documents, drawn }) => drawn === documents)).toBe(true);
    expect((await draw(makeRows(1))).drawn).toHaveLength(1);
  });

  it('keeps documents with one score together', async () => {
    const same = await draw(makeRows(90).map((row) => ({ ...row, score: 0.5 })));
    expect(same.slices).toMatchObject([{ from: null, to: null, documents: 90, drawn: 60 }]);
    const two = await draw(makeRows(90).map((row, at) => ({ ...row, score: at % 3 === 0 ? -1 : 0 })));
    expect(two.slices).toMatchObject([
      { from: 0, to: null, documents: 60 },
      { from: null, to: 0, documents: 30 },
    ]);
    expect(two.drawn.every(({ score, slice }) => (score === 0) === (slice === 0))).toBe(true);
  });

  it('chooses the documents for two people from every slice', async () => {
    const { drawn } = await draw(rows, { twice: 0.2 });
    const twice = drawn.filter((document) => document.twice);
    expect(twice).toHaveLength(12);
    for (let at = 0; at < 6; at++) expect(twice.filter(({ slice }) => slice === at)).toHaveLength(2);
    expect((await draw(rows, { twice: 0 })).drawn.some((document) => document.twice)).toBe(false);
    expect((await draw(rows, { twice: 1 })).drawn.every((document) => document.twice)).toBe(true);
  });
});

it('leaves out documents without a score', async () => {
  const lines = Array.from({ length: 60 }, (_, at) => ({
    id: `key-${at}`,
    source: 'web',
    tokens: 10,
    text: `${'ab cde '.repeat(at % 20)}${'x'.repeat(at % 10)}o`,
  }));
  await withPicky([lines], async (main, run) => {
    const { ranking } = await rankCorpus(main, silent, 'picky');
    const { scored, unknown } = scoreSlowly([lines]);
    expect(unknown.length).toBeGreaterThan(0);
    const audit = await drawAudit(run, ranking, { ...options, count: 100, slices: 4 });
    expect(audit.documents).toBe(scored.length);
    expect(audit.drawn.map(({ row }) => row).sort((a, b) => a - b)).toEqual(scored.map(({ row }) => row));
  });
});

describe('cutting, sharing and spreading', () => {
  it('cuts where whole groups come closest to equal shares', () => {
    const groups = [30, 5, 25, 20, 20].map((documents, at) => ({ from: -at, documents, tokens: documents }));
    expect(cutSlices(groups, 4).map(({ documents }) => documents)).toEqual([30, 30, 20, 20]);
    expect(cutSlices(groups, 1)).toEqual([{ from: null, to: null, documents: 100, tokens: 100 }]);
  });

  it('loses nothing', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 80 }),
        fc.integer({ min: 1, max: 20 }),
        fc.integer({ min: 1, max: 200 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (sizes, count, wanted, start) => {
          const all = sizes.reduce((sum, size) => sum + size, 0);
          const slices = cutSlices(
            sizes.map((documents, at) => ({ from: -at, documents, tokens: 2 * documents })),
            count,
          );
          expect(slices.length).toBeLessThanOrEqual(count);
          expect(slices.reduce((sum, { documents }) => sum + documents, 0)).toBe(all);
          expect(slices.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(2 * all);
          for (const [at, { from, to }] of slices.entries()) {
            expect(to).toBe(at === 0 ? null : slices[at - 1]?.from);
            expect(from === null).toBe(at === slices.length - 1);
          }
          const shares = shareOut(wanted, sizes);
          expect(shares.reduce((sum, share) => sum + share, 0)).toBe(Math.min(wanted, all));
          const drawn = Math.min(wanted, all);
          const spread = spreadOverSources(drawn, sizes, start);
          expect(spread.reduce((sum, share) => sum + share, 0)).toBe(drawn);
          for (const [at, size] of sizes.entries()) {
            expect(shares[at]).toBeLessThanOrEqual(size);
            expect(spread[at]).toBeLessThanOrEqual(size);
            expect(Math.abs((spread[at] ?? 0) - (drawn * size) / all)).toBeLessThan(1 + 1e-9);
          }
        },
      ),
    );
  });
});
