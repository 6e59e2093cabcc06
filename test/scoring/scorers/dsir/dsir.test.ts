import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { rm } from 'node:fs/promises';
import { foldSlowly } from '../../../../classifier/folds.ts';
import { buckets, listBuckets } from '../../../../scoring/scorers/dsir/ngrams.ts';
import { compareCounts, logWeight } from '../../../../scoring/scorers/dsir/model.ts';
import { prepareScorer } from '../../../../scoring/scorers/list.ts';
import { silent } from '../../../../run/progress.ts';
import type { Run } from '../../../../run/run.ts';
import { openEmptyRun, scoreAll, writeTexts } from '../../scorer-run.ts';
import { longTest } from '../../../long.ts';

let folder: string;
let run: Run;
beforeAll(async () => {
  ({ folder, run } = await openEmptyRun());
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('dsir', () => {
  it('is the sum of the log ratios', () => {
    const target = new Float64Array(buckets);
    const pool = new Float64Array(buckets).fill(1);
    for (const bucket of listBuckets('alice went to the store')) target[bucket] = (target[bucket] ?? 0) + 1;
    const ratios = Float64Array.from(compareCounts(target, pool, 0).ratios);
    // p = 1/9 in nine buckets, q = 1/10,000 in all.
    const seen = Math.log(1 / 9 + 1e-8) - Math.log(1e-4 + 1e-8);
    const unseen = Math.log(1e-8) - Math.log(1e-4 + 1e-8);
    expect(logWeight(ratios, listBuckets('Alice went'))).toBeCloseTo(3 * seen, 9);
    expect(logWeight(ratios, listBuckets('zebra'))).toBeCloseTo(unseen, 9);
    const smoothed = Float64Array.from(compareCounts(target, pool, 1).ratios);
    expect(logWeight(smoothed, listBuckets('zebra'))).toBeCloseTo(
      Math.log(1 / 10_009 + 1e-8) - Math.log(1e-4 + 1e-8),
      9,
    );
  });

  it("takes the run's examples for the target and its sample for the pool, and warns of a small target", async () => {
    await expect(prepareScorer(run, 'dsir', silent)).rejects.toMatchObject({ code: 'STEP_MISSING' });
    await writeTexts(run.files.examples, ['solve the equation for x', 'what is the sum of two numbers']);
    await writeTexts(run.files.sample, [
      'the weather is nice today and the sea is warm',
      'what is the sum of these two numbers',
      'buy now, pay later',
    ]);
    const [math = 0, sea = 0, longSea = 0] = await scoreAll(run, 'dsir', [
      'what is the sum',
      'the sea is warm',
      'the sea is warm and the weather is nice today',
    ]);
    expect(math).toBeGreaterThan(0);
    expect(sea).toBeLessThan(0);
    expect(longSea).toBeLessThan(sea);
    const { prepared: plain } = await prepareScorer(run, 'dsir', silent);
    expect(plain.notes.join()).toMatch(/mostly prefers short documents/);
    const { prepared: smoothed } = await prepareScorer(run, 'dsir:smoothing=1', silent);
    expect(smoothed.notes).toEqual([]);
    expect(smoothed.fingerprint).not.toBe(plain.fingerprint);
    expect((await prepareScorer(run, 'dsir', silent)).prepared).toEqual(plain);
  });

  longTest('cross-fitted, compares a document with a pool that it is not part of', async () => {
    const sample = Array.from(
      { length: 40 },
      (_, i) => `number ${i} is a word${i} of its own, said ${i * i}`,
    );
    await writeTexts(run.files.examples, ['what is the sum of two numbers']);
    await writeTexts(run.files.sample, sample);
    const folds = sample.map((text) => foldSlowly(Buffer.from(text), run.settings.classifier.bits, 1));
    const count = (texts: readonly string[]): Float64Array => {
      const counts = new Float64Array(buckets);
      for (const bucket of texts.flatMap((text) => [...listBuckets(text)]))
        counts[bucket] = (counts[bucket] ?? 0) + 1;
      return counts;
    };
    const target = count(['what is the sum of two numbers']);
    const wanted = sample.map((text, i) => {
      const pool = count(sample.filter((_, other) => folds[other] !== folds[i]));
      return Math.fround(
        logWeight(Float64Array.from(compareCounts(target, pool, 1).ratios), listBuckets(text)),
      );
    });
    expect(await scoreAll(run, 'cross-fit:dsir:smoothing=1', sample)).toEqual(wanted);
    expect(await scoreAll(run, 'dsir:smoothing=1', sample)).not.toEqual(wanted);
    const { prepared } = await prepareScorer(run, 'cross-fit:dsir:smoothing=1', silent);
    expect(prepared.crossFits).toBe(
      (await prepareScorer(run, 'dsir:smoothing=1', silent)).prepared.fingerprint,
    );
  });

  it('adds the same noise for the same key and seed', async () => {
    const [first = 0, again = 0, other = 0] = await scoreAll(
      run,
      'dsir:seed=3',
      ['a b', 'a b', 'a b'],
      ['k1', 'k1', 'k2'],
    );
    expect(again).toBe(first);
    expect(other).not.toBe(first);
    const noise = await scoreAll(
      run,
      'dsir:seed=3',
      Array.from({ length: 4000 }, () => 'a b'),
    );
    const [plain = 0] = await scoreAll(run, 'dsir', ['a b']);
    // The mean of Gumbel noise is Euler's constant, its variance π²/6.
    expect(Math.abs(noise.reduce((sum, score) => sum + score - plain, 0) / 4000 - 0.5772)).toBeLessThan(0.1);
  });
});
