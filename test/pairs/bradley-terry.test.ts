import { describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import { parquetSource, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { queryRows } from '../../data/duckdb/rows.ts';
import { openRandom } from '../../data/seeded-random.ts';
import { learnPreferences, marginUnder, openDifferences } from '../../pairs/bradley-terry.ts';
import { checkProxy } from '../../pairs/check-proxy.ts';
import { measureByBradleyTerry } from '../../pairs/measure-bradley-terry.ts';
import { measureByColumns } from '../../pairs/measure-columns.ts';
import type { Measurement } from '../../pairs/measurement.ts';
import { silent } from '../../run/progress.ts';
import { findShared } from '../shared/find.ts';
import { shareFound, swapSides } from './label-noise.ts';
import { openPairRun } from './pair-run.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

function readDifficulties({ difficulties }: Measurement): Promise<(number | null)[]> {
  return withDuckDb({ threads: 1 }, async (connection) =>
    (
      await queryRows(
        connection,
        `SELECT difficulty FROM ${parquetSource(difficulties)} ORDER BY pair`,
        z.object({ difficulty: z.number().nullable() }),
      )
    ).map(({ difficulty }) => difficulty),
  );
}

/** Pairs whose chosen answer has a polite word, among random ones. */
function politePairs(
  count: number,
  seed: number,
): { id: string; prompt: string; chosen: string; rejected: string }[] {
  const random = openRandom(seed);
  const words = (): string => Array.from({ length: 12 }, () => `w${Math.floor(200 * random())}`).join(' ');
  return Array.from({ length: count }, (_, i) => ({
    id: `p${i}`,
    prompt: `${words()} ${words()}`,
    chosen: `${words()} please ${words()}`,
    rejected: `${words()} whatever ${words()}`,
  }));
}

describe('a Bradley-Terry model', () => {
  it('compares the words of two answers, divided by the roots of their lengths', () => {
    const { bins, values } = openDifferences()(bytes('a b'), bytes('b'));
    // "a", "b" and "a b", of 3; "b", of 1.
    expect(bins).toHaveLength(3);
    expect(Array.from(values).sort()).toEqual(
      [1 / Math.sqrt(259) - 1 / Math.sqrt(257), 1 / Math.sqrt(259), 1 / Math.sqrt(259)].map((value) =>
        expect.closeTo(value, 6),
      ),
    );
  });

  it('takes the slow gradient steps of AdaGrad', () => {
    const differ = openDifferences();
    const pairs = [differ(bytes('good one'), bytes('bad')), differ(bytes('good'), bytes('bad thing here'))];
    const fast = learnPreferences(pairs, 3);
    const slow = new Map<number, { weight: number; square: number }>();
    const margin = (at: number): number =>
      Array.from(pairs[at]?.bins ?? []).reduce(
        (sum, bin, i) => sum + (slow.get(bin)?.weight ?? 0) * (pairs[at]?.values[i] ?? 0),
        0,
      );
    // The order in which learnPreferences visits two pairs: a shuffle draws one number each time.
    const random = openRandom(3);
    let order = [0, 1];
    for (let epoch = 0; epoch < 5; epoch++) {
      if (Math.floor(2 * random()) === 0) order = order.toReversed();
      for (const at of order) {
        const slope = -1 / (1 + Math.exp(margin(at)));
        for (const [i, bin] of (pairs[at]?.bins ?? []).entries()) {
          const { weight, square } = slow.get(bin) ?? { weight: 0, square: 1e-6 };
          const gradient = slope * (pairs[at]?.values[i] ?? 0);
          const now = square + gradient ** 2;
          slow.set(bin, { weight: weight - (0.05 * gradient) / Math.sqrt(now), square: now });
        }
      }
    }
    for (const [at, pair] of pairs.entries()) expect(marginUnder(fast, pair)).toBeCloseTo(margin(at), 5);
  });
});

describe('difficulty by a Bradley-Terry model', () => {
  it('finds swapped sides where words tell which answer is preferred', async () => {
    const { rows, swapped } = swapSides(politePairs(400, 1), 0.1, 2);
    const { run, set, remove } = await openPairRun(rows);
    try {
      const measurement = await measureByBradleyTerry(run, set, 1, silent);
      expect(measurement.card).toMatchObject({
        name: 'bradley-terry',
        method: 'bradley-terry',
        proxy: true,
        known: 400,
        folds: { splits: 3, groups: 400, largestGroup: 1 },
      });
      const difficulties = await readDifficulties(measurement);
      expect(shareFound(difficulties, swapped, 0.1)).toBeGreaterThan(0.9);
      expect(shareFound(difficulties, swapped, 0.2)).toBe(1);
      // The same again, and other halves for another seed.
      const again = await measureByBradleyTerry(run, set, 1, silent);
      expect(await readDifficulties(again)).toEqual(difficulties);
      const other = await measureByBradleyTerry(run, set, 2, silent);
      expect(other.card.name).toBe('bradley-terry-seed2');
      expect(await readDifficulties(other)).not.toEqual(difficulties);
    } finally {
      await remove();
    }
  });

  it('does not learn from a pair that it judges', async () => {
    // Each pair has words of its own, so nothing that a model learns from others tells anything about it.
    const rows = Array.from({ length: 40 }, (_, i) => ({
      prompt: `q${i} r${i} s${i} t${i}`,
      chosen: `a${i} b${i}`,
      rejected: `c${i} d${i}`,
    }));
    const { run, set, remove } = await openPairRun(rows);
    try {
      await expect(measureByBradleyTerry(run, set, 1, silent)).rejects.toMatchObject({
        code: 'MEASUREMENT_CONSTANT',
        values: { difficulty: '0.693147' },
      });
    } finally {
      await remove();
    }
  });

  it('is unknown for answers with the same words, and refused without two kinds of prompts', async () => {
    const rows = [...politePairs(30, 3), { id: 'same', prompt: 'x y z', chosen: 'Yes!', rejected: 'yes !' }];
    const { run, set, remove } = await openPairRun(rows);
    try {
      const { card } = await measureByBradleyTerry(run, set, 1, silent);
      expect(card).toMatchObject({ known: 30, unknown: { 'the answers have the same words': 1 } });
    } finally {
      await remove();
    }
    const one = await openPairRun(politePairs(30, 4).map((row) => ({ ...row, prompt: 'Be polite.' })));
    await expect(measureByBradleyTerry(one.run, one.set, 1, silent)).rejects.toMatchObject({
      code: 'PAIRS_NOT_SPLIT',
    });
    await one.remove();
  });

  it('is checked against reference models on pairs that both know', async () => {
    const rows = politePairs(120, 5).map((row, i) => {
      // Reference models that find the same: swapped pairs are hard.
      const margin = i % 10 === 0 ? -5 - i / 100 : 5 + i / 100;
      const isSwapped = i % 10 === 0;
      return {
        ...row,
        ...(isSwapped ? { chosen: row.rejected, rejected: row.chosen } : {}),
        ...(i < 100 ? { c: -10 + margin / 2, r: -10 - margin / 2 } : {}),
        ref_chosen_logps: -10,
        ref_rejected_logps: -10,
      };
    });
    const { run, set, remove } = await openPairRun(rows, {
      logProbabilities: { chosen: 'c', rejected: 'r' },
    });
    try {
      const proxy = await measureByBradleyTerry(run, set, 1, silent);
      expect(await checkProxy(set, proxy, 500)).toBeUndefined();
      await measureByColumns(run, set, 'last');
      const card = await checkProxy(set, proxy, 500);
      expect(card?.check).toMatchObject({ with: 'columns', pairs: 100 });
      const { spearman, low, high } = card?.check ?? {};
      // Only the ten swapped ones are told apart by both.
      expect(spearman).toBeGreaterThan(0.15);
      expect(low).toBeLessThan(spearman ?? 0);
      expect(high).toBeGreaterThan(spearman ?? 1);
      expect((await checkProxy(set, proxy, 50))?.check?.pairs).toBe(50);
    } finally {
      await remove();
    }
  });

  const path = findShared('data/preference/ultrafeedback_1k.jsonl.gz');
  (path === undefined ? it.skip : it)('ranks real swapped pairs better than chance', async () => {
    const text = gunzipSync(await readFile(path ?? '')).toString();
    const row = z.looseObject({ chosen: z.string(), rejected: z.string() });
    const read = text
      .trim()
      .split('\n')
      .map((line) => row.parse(JSON.parse(line)))
      .filter(
        ({ chosen, rejected }) => chosen.trim() !== '' && rejected.trim() !== '' && chosen !== rejected,
      );
    const { rows, swapped } = swapSides(read, 0.1, 1);
    const { run, set, remove } = await openPairRun(rows);
    try {
      expect(set.card.pairs).toBe(rows.length);
      const startedMs = performance.now();
      const difficulties = await readDifficulties(await measureByBradleyTerry(run, set, 1, silent));
      expect(performance.now() - startedMs).toBeLessThan(30_000);
      // By chance 20%; words alone say little about real preferences (docs/selective-dpo.md).
      expect(shareFound(difficulties, swapped, 0.2)).toBeGreaterThan(0.25);
    } finally {
      await remove();
    }
  });
});
