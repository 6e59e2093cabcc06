// A transformer head through the real commands: it scores the sample, the classifier learns its scores, and
// the corpus is ranked by them.

import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { prepareScorer, rankingRun } from '../../scoring/scorers/list.ts';
import { parquetSource, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { silent } from '../../run/progress.ts';
import { openRun, type Run } from '../../run/run.ts';
import { readRanking } from '../../ranking/generation.ts';
import { withScores } from '../../ranking/scores.ts';
import { type BagOfWords, openBagOfWords } from '../indexer/bag-of-words.ts';
import { type TinyHead, tinyLogits, writeTinyHead } from '../models/onnx/tiny-head.ts';
import { betr } from './betr.ts';
import { errorOf, jsonl, makeDocuments, makeProject } from './project.ts';
import { longTest } from '../long.ts';
import { queryRows } from '../../data/duckdb/rows.ts';

jest.setTimeout(300_000);

// Astronomy is good, the kitchen is not; of either some words more than others.
const space = [
  'star',
  'orbit',
  'planet',
  'comet',
  'galaxy',
  'moon',
  'rocket',
  'light',
  'sun',
  'probe',
  'dust',
  'field',
  'crater',
  'lens',
  'nova',
  'ring',
];
const head: TinyHead = {
  weights: {
    '[UNK]': [0.5, -0.5],
    number: [0, 0],
    ...Object.fromEntries(space.map((word, i) => [word, [-1, i / 4]])),
  },
  config: { id2label: { 0: 'dull', 1: 'hq' } },
};
const probability = (text: string): number => {
  const [dull = 0, hq = 0] = tinyLogits(head, text);
  return 1 / (1 + Math.exp(dull - hq));
};

let folder: string;
let bag: BagOfWords;
let run: Run;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-head-rank-'));
  bag = await openBagOfWords();
  await makeProject(folder, bag.url, { settings: { sample: { documents: 900 } } });
  await writeTinyHead(join(folder, 'judge'), head);
  run = await openRun(join(folder, 'betr.yaml'));
});
afterAll(async () => {
  await bag.close();
  await rm(folder, { recursive: true });
});

const scored = z.object({ document: z.string(), score: z.number(), text: z.string() });

async function readTargets(scorer: string): Promise<z.output<typeof scored>[]> {
  const { files } = rankingRun(run, scorer);
  return withDuckDb({}, (connection) =>
    queryRows(
      connection,
      `SELECT t.document, t.score, s.text FROM ${parquetSource(files.targets)} t ` +
        `JOIN ${parquetSource(files.sample)} s USING (document)`,
      scored,
    ),
  );
}

async function readScores(scorer: string): Promise<Map<string, number>> {
  const own = rankingRun(run, scorer);
  const rows = await withScores(own, await readRanking(own), (connection, table) =>
    queryRows(
      connection,
      `SELECT document, score::DOUBLE AS score FROM ${table}`,
      scored.omit({ text: true }),
    ),
  );
  return new Map(rows.map(({ document, score }) => [document, score]));
}

describe('betr rank --scorer head:MODEL', () => {
  it('ranks the corpus as the head would, and does nothing twice', async () => {
    expect(errorOf((await betr(folder, ['rank', '--scorer', 'head:judge', '--json'])).stdout)).toMatchObject({
      code: 'STEP_MISSING',
      message: expect.stringMatching(/sample\.parquet.*betr index/),
    });
    expect((await betr(folder, ['index'])).code).toBe(0);
    const first = await betr(folder, ['rank', '--scorer', 'head:judge']);
    expect(first).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(
        new RegExp(
          String.raw`Ranked 1,200 documents[^]*Note: .* learned the probability of "hq" that judge gives the sample; ` +
            String.raw`its cross-fitted ROC-AUC for the best 10% is (?:0\.9\d\d|1\.000) `,
        ),
      ),
    });
    const targets = await readTargets('head:judge');
    expect(targets).toHaveLength(900);
    for (const { score, text } of targets) expect(score).toBeCloseTo(probability(text), 5);

    const scores = await readScores('head:judge');
    const documents = makeDocuments(1200);
    const best = documents
      .toSorted((a, b) => (scores.get(b.id) ?? 0) - (scores.get(a.id) ?? 0))
      .slice(0, 120);
    const wanted = new Set(
      documents
        .toSorted((a, b) => probability(b.text) - probability(a.text))
        .slice(0, 120)
        .map(({ id }) => id),
    );
    // Of 120 drawn by chance 12 would be.
    expect(best.filter(({ id }) => wanted.has(id)).length).toBeGreaterThan(80);
    expect(best.every(({ source }) => source === 'space')).toBe(true);

    const crossFit = await betr(folder, ['rank', '--scorer', 'cross-fit:head:judge']);
    expect(crossFit.stdout).toMatch(/Ranked 1,200[^]*Note: This ranking is for measuring/);
    expect(crossFit.stderr).not.toMatch(/score the sample/);
    const fitted = await readScores('cross-fit:head:judge');
    expect(new Set(fitted.keys())).toEqual(new Set(scores.keys()));
    expect(fitted).not.toEqual(scores);

    const own = rankingRun(run, 'head:judge').files;
    const before = await Promise.all(
      [own.targets, own.weights, own.ranking].map(async (path) => (await stat(path)).mtimeMs),
    );
    const again = await betr(folder, ['rank', '--scorer', 'head:judge']);
    expect(again.stdout).toMatch(/unchanged\nNothing new to score/);
    expect(again.stderr).not.toMatch(/head/);
    expect(
      await Promise.all(
        [own.targets, own.weights, own.ranking].map(async (path) => (await stat(path)).mtimeMs),
      ),
    ).toEqual(before);
    expect((await betr(folder, ['cutoff', '--scorer', 'head:judge', '--keep', '0.1'])).stdout).toMatch(
      /score ≥/,
    );
    expect((await betr(folder, ['status'])).stdout).toMatch(/Rankings {4}cross-fit:head:judge, head:judge/);
  });

  longTest('reads a text once, whatever label is asked for, and new texts alone', async () => {
    const dull = await betr(folder, ['rank', '--scorer', 'head:judge#dull', '--json']);
    expect(dull.code).toBe(0);
    // The logits were there: the model was not even loaded.
    expect(dull.stderr).not.toMatch(/load the classification head/);
    const good = new Map((await readTargets('head:judge')).map(({ document, score }) => [document, score]));
    for (const { document, score } of await readTargets('head:judge#dull'))
      expect(score + (good.get(document) ?? 0)).toBeCloseTo(1, 6);
    await writeFile(join(folder, 'corpus', 'd.jsonl'), jsonl(makeDocuments(100, 7000)));
    expect((await betr(folder, ['index'])).code).toBe(0);
    const more = await betr(folder, ['rank', '--scorer', 'head:judge']);
    expect(more.stdout).toMatch(/Ranked 1,300 documents/);
    expect(more.stderr).toMatch(/load the classification head/);
    expect(
      (await readTargets('head:judge')).filter(({ document }) => /-70\d\d$/.test(document)).length,
    ).toBeGreaterThan(30);
  });

  longTest("is edu's too, and says what is wrong", async () => {
    await writeTinyHead(join(folder, 'rates'), {
      weights: Object.fromEntries(Object.entries(head.weights).map(([word, [, hq = 0]]) => [word, [hq]])),
      config: { id2label: { 0: 'LABEL_0' } },
    });
    expect((await betr(folder, ['rank', '--scorer', 'edu:rates'])).stdout).toMatch(
      /learned the scores that rates gives the sample/,
    );
    for (const [scorer, code] of [
      ['head', 'OPTION_INVALID'],
      ['head:judge#none', 'HEAD_LABEL'],
      ['head:./gone', 'HEAD_UNAVAILABLE'],
      ['head:corpus', 'HEAD_UNAVAILABLE'],
    ] as const) {
      await expect(prepareScorer(run, scorer, silent)).rejects.toMatchObject({ code });
    }
    // A hub that is not there: the alias asks it for the model of that name.
    expect(
      errorOf(
        (
          await betr(folder, ['rank', '--scorer', 'edu', '--json'], {
            HF_ENDPOINT: 'http://127.0.0.1:1',
            BETR_CACHE: join(folder, 'cache'),
          })
        ).stdout,
      ),
    ).toMatchObject({
      code: 'HEAD_UNAVAILABLE',
      message: expect.stringContaining('HuggingFaceFW/fineweb-edu-classifier'),
    });
  });
});
