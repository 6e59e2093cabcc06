import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import type { Sums } from '../../scoring/sums.ts';
import { parseSettings } from '../../run/read-settings.ts';
import { silent } from '../../run/progress.ts';
import { type Drift, measureDrift, rateOf, readDrift } from '../../ranking/drift.ts';
import type { Ranking } from '../../ranking/generation.ts';
import { laws } from '../../ranking/budget/laws.ts';
import { rankCorpus } from '../../ranking/rank.ts';
import { makeLines, withCorpus } from '../classifier/trained-run.ts';

const settings = parseSettings(
  'corpus: {files: [a]}\nbenchmarks: [{name: b, files: [b]}]\nkeep: {budgets: [1e21]}\n',
  'betr.yaml',
);

/** Sums of so many documents in each of ten bins, best first, a hundred million tokens each. */
function figures(documents: readonly number[], sources: Record<string, number> = { web: 1 }): Sums {
  const total = documents.reduce((sum, count) => sum + count, 0);
  const tokens = (count: number): number => count * 100_000_000;
  return {
    documents: total,
    tokens: tokens(total),
    histogram: documents
      .map((count, i) => [40_000 - i, count, tokens(count)] satisfies [number, number, number])
      .filter(([, count]) => count > 0),
    sources: Object.entries(sources).map(([source, share]) => ({
      source,
      documents: Math.round(share * total),
      tokens: share * tokens(total),
    })),
  };
}

const ranking = (generation: string, of: Sums, sha256 = 'a'): Ranking => ({
  ...of,
  generation,
  publishedAt: '',
  scorer: { outputs: ['joint'], sha256 },
  estimatedDocuments: 0,
  textBytes: 0,
  quarantined: 0,
  parts: [],
});
const even = figures(new Array<number>(10).fill(1000));
const none = figures([]);

function measure(
  before: Ranking,
  now: Ranking,
  fresh: Parameters<typeof measureDrift>[2],
  of: typeof settings,
): Drift {
  return measureDrift(before, now, fresh, of, laws['nemotron-cc']);
}

describe('drift', () => {
  it('is nothing between a generation and itself', () => {
    const drift = measure(ranking('a', even), ranking('b', even), none, settings);
    expect(drift).toMatchObject({ from: 'a', to: 'b', fresh: null, over: [] });
    expect(drift.whole.scores).toMatchObject({ psi: 0, ks: 0 });
    expect(drift.whole.sources).toEqual([{ source: 'web', before: 1, now: 1 }]);
  });

  it('has the PSI and the largest distance computed by hand', () => {
    // A tenth each, against 2, 1, 1, ..., 1, 0 tenths.
    const moved = figures([2000, ...new Array<number>(8).fill(1000), 0]);
    const { scores } = measure(ranking('a', even), ranking('b', moved), none, settings).whole;
    const [most, least, before] = [2000.5 / 10_005, 0.5 / 10_005, 1000.5 / 10_005];
    expect(scores?.psi).toBeCloseTo(
      (most - before) * Math.log(most / before) + (least - before) * Math.log(least / before),
      12,
    );
    expect(scores?.ks).toBeCloseTo(0.1, 12);
  });

  it('reports missing documents even if the others are alike', () => {
    const limits = { ...settings, drift: { ...settings.drift, lostDocuments: 0.5 } };
    const of = (each: number): Sums => figures(new Array<number>(10).fill(each));
    expect(measure(ranking('a', even), ranking('b', of(500)), none, limits).over).toEqual([]);
    expect(measure(ranking('a', even), ranking('b', of(499)), none, limits).over).toEqual([
      'there are 4,990 documents instead of 10,000, a loss of more than 50%',
    ]);
    expect(measure(ranking('a', of(499)), ranking('b', even), none, limits).over).toEqual([]);
  });

  it('reports what the last cutoff for a budget keeps of the new generation', () => {
    const rate = rateOf(1e21, even.tokens, settings.keep, laws['nemotron-cc']);
    expect(rate).toBeCloseTo(0.0711, 3);
    const moved = figures([2000, ...new Array<number>(8).fill(1000), 0]);
    const drift = measure(ranking('a', even), ranking('b', moved), none, settings);
    expect(drift.whole.scores?.budgets).toEqual([{ flops: 1e21, before: 0.1, now: 0.2 }]);
    expect(drift.over).toEqual([
      expect.stringMatching(/PSI is 0\.\d+, above 0\.2/),
      expect.stringMatching(/1e21 FLOPs keeps 20% instead of 10%/),
    ]);
  });

  it('shows in the new documents before it shows in all', () => {
    const fresh = figures([1500, 0, 0, 0, 0, 0, 0, 0, 0, 0], { books: 1 });
    const whole = figures([2500, ...new Array<number>(9).fill(1000)], { web: 10 / 11.5, books: 1.5 / 11.5 });
    const limits = { psi: 0.2, keepRate: 10, sourceShare: 0.2, lostDocuments: 0.2, newDocuments: true };
    const drift = measure(ranking('a', even), ranking('b', whole), fresh, { ...settings, drift: limits });
    expect(
      measure(ranking('a', even), ranking('b', whole), fresh, {
        ...settings,
        drift: { ...limits, newDocuments: false },
      }),
    ).toEqual({ ...drift, over: [] });
    expect(drift.whole.scores?.psi).toBeLessThan(0.2);
    expect(drift.over).toEqual([
      expect.stringMatching(/^among the new documents, the scores' PSI/),
      expect.stringMatching(/^among the new documents, source "books" has 100% .* instead of 0%/),
      expect.stringMatching(/^among the new documents, source "web"/),
    ]);
    expect(measure(ranking('a', even), ranking('b', whole), figures([999]), settings).fresh).toBeNull();
  });

  it('does not compare the scores of two classifiers', () => {
    const drift = measure(ranking('a', even), ranking('b', figures([10_000]), 'b'), none, settings);
    expect(drift).toMatchObject({ over: [], whole: { scores: null } });
  });

  it('is written with each generation but the first, and stays with it', async () => {
    await withCorpus(async (run, folder) => {
      const first = await rankCorpus(run, silent);
      expect(first.drift).toBeNull();
      await writeFile(
        join(folder, 'corpus', 'more.jsonl'),
        makeLines(1500, 4).replaceAll(/"source-\d"/g, '"elsewhere"'),
      );
      const second = await rankCorpus(run, silent);
      expect(second.drift).toMatchObject({ from: first.ranking.generation, to: second.ranking.generation });
      expect(second.drift?.fresh).toMatchObject({
        documents: second.ranking.documents - first.ranking.documents,
        sources: [{ source: 'elsewhere', before: 0, now: 1 }, {}, {}, {}, {}],
      });
      expect(second.drift?.over.length).toBeGreaterThan(0);
      expect((await rankCorpus(run, silent)).drift).toBeNull();
      expect(await readDrift(run, second.ranking)).toEqual(second.drift);
      expect(await readDrift(run, first.ranking)).toBeUndefined();
    });
  });
});
