// Fidelity is measured by models that did not learn from the documents they score.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Interval } from '../../data/statistics.ts';
import { openBags } from '../../classifier/bag.ts';
import { crossFit } from '../../classifier/cross-fit.ts';
import { measureFidelity } from '../../classifier/fidelity.ts';
import { foldCount, foldFile, openFolds } from '../../classifier/folds.ts';
import { loadFoldScorer } from '../../classifier/fold-scorer.ts';
import { openRandom } from '../../data/seeded-random.ts';
import { labelDocuments } from '../../classifier/labels.ts';
import { prepareJudged, rocAuc } from '../../classifier/metrics.ts';
import { loadScorer, type Scorer } from '../../classifier/scorer.ts';
import { trainClassifier } from '../../classifier/train.ts';
import { readWeights } from '../../classifier/weights.ts';
import { silent } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import { everything, longTest } from '../long.ts';
import { utf8 } from './any-text.ts';
import { key, plant, plantRun, type Row } from './planted.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-cross-fit-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const bits = 16;
const textOf = ({ text }: Row): Uint8Array => utf8(String(text));
const foldOfText = openFolds(bits, 1);
const foldOfRow = (row: Row): number => foldOfText(textOf(row), 0, textOf(row).length);

const openFoldScorer = (run: Run): Promise<Scorer> =>
  loadFoldScorer(
    Array.from({ length: foldCount }, (_, fold) => foldFile(run, fold)),
    { bits, seed: 1 },
  );

/** The joint score of each row. */
function scoreRows(scorer: Scorer, rows: readonly Row[]): Float32Array {
  const texts = rows.map(textOf);
  let end = 0;
  const ends = Uint32Array.from(texts, (text) => (end += text.length));
  const out = new Float32Array(texts.length * scorer.outputs.length);
  scorer.scoreTexts(Buffer.concat(texts), ends, texts.length, out);
  return out.filter((_, i) => i % scorer.outputs.length === 0);
}

/** ROC-AUC of scores for the best 10% of the targets. */
function aucOf(scores: Float32Array, targets: readonly Row[]): number {
  const values = Float64Array.from(targets, ({ score }) => Number(score));
  const judged = prepareJudged(scores, values, labelDocuments(values).top);
  return rocAuc(judged, new Uint32Array(scores.length).fill(1));
}

/** Targets that have nothing to do with the texts; texts of the same name in `of` have the same. */
function noise(sample: readonly Row[], seed: number, of = sample.map(({ text = '' }) => text)): Row[] {
  const random = openRandom(seed);
  const scores = new Map<Row[string], number>();
  return sample.map(({ document = '' }, i) => {
    const score = scores.get(of[i] ?? '') ?? random();
    scores.set(of[i] ?? '', score);
    return { document, score };
  });
}

/** The cross-fitted ROC-AUC of a sample. */
function fit(sample: readonly Row[], targets: readonly Row[]): Interval {
  const { bags, add } = openBags(sample.length, bits);
  for (const [i, row] of sample.entries()) add(i, textOf(row));
  const values = Float64Array.from(targets, ({ score }) => Number(score));
  const { top, soft } = labelDocuments(values);
  const keys = sample.map(({ document }) => String(document));
  const settings = { names: ['joint'], bits, epochs: 12, seed: 1, minCount: 3 };
  const fitted = crossFit({ ...settings, bags, soft: [soft], keys }, silent);
  const out = new Float64Array(1);
  const scores = Float32Array.from(keys, (_, i) => {
    fitted.score(i, out);
    return out[0] ?? 0;
  });
  return measureFidelity(prepareJudged(scores, values, top), 1).rocAuc;
}

/** Of several samples of noise: the mean, and how many intervals do not cover one half. */
function fitOften(make: (seed: number) => [sample: Row[], targets: Row[]]): { mean: number; misses: number } {
  const found = Array.from({ length: everything ? 6 : 2 }, (_, i) => fit(...make(i + 1)));
  return {
    mean: found.reduce((sum, { value }) => sum + value, 0) / found.length,
    misses: found.filter(({ low, high }) => low > 0.5 || high < 0.5).length,
  };
}

describe('cross-fitting', () => {
  longTest(
    'finds nothing in noise, where the model of the whole sample finds what it remembers',
    async () => {
      const { sample } = plant(600, 1);
      const targets = noise(sample, 11);
      const run = await plantRun(join(folder, 'noise'), sample, targets);
      const { outputs } = await trainClassifier(run, silent);
      expect(outputs[0]?.heldOut.rocAuc).toEqual(fit(sample, targets));
      expect(aucOf(scoreRows(await loadScorer(run.files.weights), sample), targets)).toBeGreaterThan(0.8);
      const { mean, misses } = fitOften((seed) => {
        const { sample: own } = plant(500, seed);
        return [own, noise(own, 10 + seed)];
      });
      expect(Math.abs(mean - 0.5)).toBeLessThan(0.04);
      // Of 95% intervals from so few documents, one in ten misses; a leak would make all of them miss.
      expect(misses).toBeLessThanOrEqual(2);
    },
  );

  it('does not leak by copies of a text under other keys', () => {
    const { mean } = fitOften((seed) => {
      const { sample: once } = plant(200, seed);
      const copies = [0, 1, 2].flatMap((copy) =>
        once.map(({ text = '', ...row }, i) => ({
          ...row,
          document: key(200 * copy + i),
          text: copy === 2 ? String(text).toUpperCase().replaceAll(' ', '  ') : text,
        })),
      );
      return [
        copies,
        noise(
          copies,
          10 + seed,
          [...once, ...once, ...once].map(({ text = '' }) => text),
        ),
      ];
    });
    expect(Math.abs(mean - 0.5)).toBeLessThan(0.06);
  });

  it("has a model for each fold that the fold's targets do not change", async () => {
    const { sample, targets } = plant(600, 7);
    const folds = sample.map(foldOfRow);
    // The scores of fold 2 are dealt out again among its documents.
    const scores = targets.flatMap(({ score = 0 }, i) => (folds[i] === 2 ? [score] : []));
    const changed = targets.map((row, i) => (folds[i] === 2 ? { ...row, score: scores.pop() ?? 0 } : row));
    const tablesOf = async (name: string, rows: readonly Row[]): Promise<Buffer[]> => {
      const run = await plantRun(join(folder, name), sample, rows);
      await trainClassifier(run, silent);
      const tables: Buffer[] = [];
      for (let fold = 0; fold < foldCount; fold++)
        tables.push(Buffer.from((await readWeights(foldFile(run, fold))).table));
      return tables;
    };
    const before = await tablesOf('before', targets);
    const after = await tablesOf('after', changed);
    expect(before.map((table, fold) => table.equals(after[fold] ?? Buffer.alloc(0)))).toEqual(
      Array.from({ length: foldCount }, (_, fold) => fold === 2),
    );
  });

  it('gives the figures of the card by the scores that the corpus gets', async () => {
    const { sample, targets } = plant(1000, 8);
    const run = await plantRun(join(folder, 'figures'), sample, targets);
    const { outputs, crossFit } = await trainClassifier(run, silent);
    expect(crossFit).toMatchObject({ folds: foldCount, measured: 1000 });
    const scores = scoreRows(await openFoldScorer(run), sample);
    expect(outputs[0]?.heldOut.rocAuc.value).toBeCloseTo(aucOf(scores, targets), 5);
    const folds = sample.map(foldOfRow);
    for (let fold = 0; fold < foldCount; fold++)
      expect(
        scoreRows(await loadScorer(foldFile(run, fold)), sample).filter((_, i) => folds[i] === fold),
      ).toEqual(scores.filter((_, i) => folds[i] === fold));
  });

  it('gives scores that are comparable across folds', async () => {
    const { sample, targets } = plant(2000, 9);
    const run = await plantRun(join(folder, 'comparable'), sample, targets);
    const { outputs } = await trainClassifier(run, silent);
    const { sample: fresh } = plant(2000, 10);
    const scorer = await openFoldScorer(run);
    const byFold = Array.from({ length: foldCount }, (_, fold) =>
      scoreRows(
        scorer,
        fresh.filter((row) => foldOfRow(row) === fold),
      ).sort(),
    );
    // Each fold's model gives unseen texts the same quantiles.
    const at = (scores: Float32Array, share: number): number =>
      scores[Math.floor(scores.length * share)] ?? 0;
    for (const share of [0.1, 0.5, 0.9]) {
      const quantiles = byFold.map((scores) => at(scores, share));
      const spread = Math.max(...byFold.map((scores) => at(scores, 0.84) - at(scores, 0.16))) / 2;
      expect(Math.max(...quantiles) - Math.min(...quantiles)).toBeLessThan(0.25 * spread);
    }
    // So pooling them costs nothing: within a fold they are in no better order.
    const scores = scoreRows(scorer, sample);
    const folds = sample.map(foldOfRow);
    const within = Array.from({ length: foldCount }, (_, fold) =>
      aucOf(
        scores.filter((_, i) => folds[i] === fold),
        targets.filter((_, i) => folds[i] === fold),
      ),
    );
    const mean = within.reduce((sum, auc) => sum + auc, 0) / foldCount;
    expect(Math.abs((outputs[0]?.heldOut.rocAuc.value ?? 0) - mean)).toBeLessThan(0.01);
  });

  it('survives a sample of copies, which leaves the model of their fold nothing to learn from', async () => {
    const { sample } = plant(500, 11);
    const copies = sample.map((row) => ({ ...row, text: 'all the same' }));
    const run = await plantRun(join(folder, 'same'), copies, noise(sample, 12));
    const { outputs } = await trainClassifier(run, silent);
    expect(outputs[0]?.heldOut.rocAuc).toEqual({ value: 0.5, low: 0.5, high: 0.5 });
    expect([...scoreRows(await openFoldScorer(run), copies)].every(Number.isFinite)).toBe(true);
  });
});
