import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Card, readCard } from '../../classifier/classifier-card.ts';
import { foldFile } from '../../classifier/folds.ts';
import { openRandom } from '../../data/seeded-random.ts';
import { loadScorer } from '../../classifier/scorer.ts';
import { trainClassifier } from '../../classifier/train.ts';
import { silent } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import { key, plant, plantRun, type Row } from './planted.ts';
import { longTest } from '../long.ts';

let folder: string;
const makeRun = (
  name: string,
  sample: readonly Row[],
  targets: readonly Row[],
  classifier = '',
): Promise<Run> => plantRun(join(folder, name), sample, targets, classifier);
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-train-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** For what does not depend on how well the classifier learns. */
const fewEpochs = ', epochs: 2';

const aucs = (card: Card): number[] => card.outputs.map(({ heldOut }) => heldOut.rocAuc.value);

describe('training', () => {
  it('learns planted signals, one for each output, and the scorer gives them', async () => {
    const { sample, targets } = plant(3000, 1, ['alpha', 'beta']);
    const run = await makeRun('planted', sample, targets);
    const card = await trainClassifier(run, silent);
    expect(card.outputs.map(({ name }) => name)).toEqual(['joint', 'alpha', 'beta']);
    for (const auc of aucs(card)) expect(auc).toBeGreaterThan(0.95);
    expect(card.documents).toEqual({ training: 2400, heldOut: 600, withoutTarget: 0 });
    expect(await readCard(run)).toEqual(card);
    const scorer = await loadScorer(run.files.weights);
    const texts = [
      'k0word1 k0word2 k0word3 '.repeat(20),
      'k1word1 k1word2 k1word3 '.repeat(20),
      'common1 common2 common3 '.repeat(20),
    ].map((text) => new TextEncoder().encode(text));
    const out = new Float32Array(9);
    let end = 0;
    scorer.scoreTexts(
      Buffer.concat(texts),
      Uint32Array.from(texts, ({ length }) => (end += length)),
      3,
      out,
    );
    const [joint0 = 0, alpha0 = 0, , joint1 = 0, alpha1 = 0, , joint2 = 0, alpha2 = 0] = out;
    expect(joint0).toBeGreaterThan(Math.max(joint1, joint2));
    expect(alpha1).toBeGreaterThan(Math.max(alpha0, alpha2));
    expect(joint0).toBeGreaterThan(0);
    expect(joint2).toBeLessThan(0);
  });

  it('finds nothing where there is nothing', async () => {
    const { sample } = plant(1500, 2);
    const random = openRandom(5);
    const card = await trainClassifier(
      await makeRun(
        'shuffled',
        sample,
        sample.map(({ document = '' }) => ({ document, score: random() })),
      ),
      silent,
    );
    expect(Math.abs((aucs(card)[0] ?? 0) - 0.5)).toBeLessThan(0.1);
    expect(card.outputs[0]?.heldOut.rocAuc.low).toBeLessThan(0.5);
  });

  longTest(
    'gives the same bytes for the same input in any order of rows, and others for another seed',
    async () => {
      const { sample, targets } = plant(800, 3, ['alpha']);
      const bytesOf = async (
        name: string,
        rows: readonly Row[],
        scores: readonly Row[],
        classifier = '',
      ): Promise<{ weights: Buffer; card: Card }> => {
        const run = await makeRun(name, rows, scores, classifier);
        const card = await trainClassifier(run, silent);
        return { weights: await readFile(run.files.weights), card };
      };
      const first = await bytesOf('first', sample, targets);
      const turned = await bytesOf('turned', sample.toReversed(), targets.toReversed());
      const other = await bytesOf('other', sample, targets, ', seed: 2');
      expect(turned.weights.equals(first.weights)).toBe(true);
      expect(turned.card.outputs).toEqual(first.card.outputs);
      expect(other.weights.equals(first.weights)).toBe(false);
      // The models of the folds leave the ranking model as it is without them.
      expect(createHash('sha256').update(first.weights).digest('hex')).toBe(
        'd492fe11f8001ef4fafc33220a2765fe6db81f50ad8faacdeaad6d58eebbe930',
      );
    },
  );

  it('does nothing if nothing changed, and replaces a damaged result', async () => {
    const { sample, targets } = plant(600, 4);
    const run = await makeRun('again', sample, targets, fewEpochs);
    const card = await trainClassifier(run, silent);
    const stages: string[] = [];
    const note = ({ stage }: { stage: string }): number => stages.push(stage);
    expect(await trainClassifier(run, note)).toEqual(card);
    expect(stages).toEqual([]);
    for (const path of [run.files.weights, foldFile(run, 3)]) {
      await writeFile(path, 'gone');
      expect(await trainClassifier(run, note)).toEqual(card);
      expect(stages.splice(0)).toContain('train');
      await expect(loadScorer(path)).resolves.toBeDefined();
    }
  });

  it('gives no output of their own to more than 16 benchmarks, and says so', async () => {
    const { sample, targets } = plant(600, 5);
    const many = targets.map((row) => ({
      ...row,
      ...Object.fromEntries(Array.from({ length: 17 }, (_, i) => [`score_b${i}`, i])),
    }));
    const card = await trainClassifier(await makeRun('many', sample, many, fewEpochs), silent);
    expect(card.outputs.map(({ name }) => name)).toEqual(['joint']);
    expect(card.notes.join()).toMatch(/17 benchmarks/);
  });

  it('takes targets for a part of the sample', async () => {
    const { sample, targets } = plant(700, 6);
    const run = await makeRun('part', sample, targets.slice(0, 600), fewEpochs);
    const card = await trainClassifier(run, silent);
    expect(card.documents.withoutTarget).toBe(100);
    expect(card.notes.join()).toMatch(/100 documents/);
  });

  it.each<[string, (targets: Row[]) => Row[], string, RegExp]>([
    [
      'too few documents',
      (targets) => targets.slice(0, 100),
      'TRAINING_TOO_SMALL',
      /Only 100 documents .* at least 500/,
    ],
    [
      'documents outside the sample',
      (targets) => [...targets, { document: 'stranger', score: 1 }],
      'TARGETS_INVALID',
      /1 of its documents are not in the sample, for example "stranger"/,
    ],
    [
      'a document twice',
      (targets) => [...targets, { document: key(7), score: 1 }],
      'TARGETS_INVALID',
      /"document-00007" occurs twice/,
    ],
    [
      'no score',
      (targets) => targets.map(({ document = '' }) => ({ document, points: 1 })),
      'TARGETS_INVALID',
      /column "score" is missing; its columns are document, points/,
    ],
    [
      'an empty score',
      (targets) => [...targets.slice(1), { document: key(0), score: null }],
      'TARGETS_INVALID',
      /"document-00000" has the score null/,
    ],
  ])('refuses targets with %s', async (what, change, code, message) => {
    const { sample, targets } = plant(600, 7);
    const run = await makeRun(`refused-${what.replaceAll(' ', '-')}`, sample, change(targets));
    const training = trainClassifier(run, silent);
    await expect(training).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    await expect(readCard(run)).rejects.toMatchObject({ code: 'STEP_MISSING' });
  });

  it('names a damaged file and the step that is missing', async () => {
    const { sample, targets } = plant(600, 8);
    const run = await makeRun('damaged', sample, targets);
    await writeFile(run.files.sample, (await readFile(run.files.sample)).subarray(0, 500));
    await expect(trainClassifier(run, silent)).rejects.toMatchObject({
      code: 'FILE_DAMAGED',
      values: { path: run.files.sample },
    });
    await rm(run.files.sample);
    await expect(trainClassifier(run, silent)).rejects.toMatchObject({ code: 'STEP_MISSING' });
  });
});
