// A language model judges the sample, the classifier learns its scores, and the corpus is ranked by them.

import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { rankingRun } from '../../scoring/scorers/list.ts';
import { parquetSource, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { queryRows } from '../../data/duckdb/rows.ts';
import { openRun, type Run } from '../../run/run.ts';
import { readRanking } from '../../ranking/generation.ts';
import { withScores } from '../../ranking/scores.ts';
import { type BagOfWords, openBagOfWords } from '../indexer/bag-of-words.ts';
import { plainQuestion } from '../indexer/judges/judge-run.ts';
import { openYesNoServer, type YesNoServer } from '../indexer/judges/yes-no-server.ts';
import { longTest } from '../long.ts';
import { until } from '../until.ts';
import { betr } from './betr.ts';
import { betrProcess, errorOf, jsonl, makeDocuments, makeProject } from './project.ts';

jest.setTimeout(300_000);

let folder: string;
let bag: BagOfWords;
let server: YesNoServer;
let run: Run;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-lm-score-'));
  bag = await openBagOfWords();
  server = await openYesNoServer(2);
  const documents = makeDocuments(520);
  documents.push({ id: 'long', source: 'space', text: 'comet '.repeat(500) });
  await makeProject(folder, bag.url, {
    shards: { 'a.jsonl': jsonl(documents) },
    settings: {
      models: [
        { name: 'server', model: server.url, requestsAtOnce: 4 },
        { name: 'try', model: 'dummy' },
      ],
      judges: [
        {
          name: 'space',
          model: 'server',
          questions: [plainQuestion],
          exam: { for: ['space'], against: ['kitchen'] },
        },
        { name: 'dummy', model: 'try', questions: [plainQuestion] },
        { name: 'strict', model: 'try', questions: [{ ...plainQuestion, leastMass: 1 }] },
      ],
    },
  });
  run = await openRun(join(folder, 'betr.yaml'));
});
afterAll(async () => {
  await bag.close();
  await server.close();
  await rm(folder, { recursive: true });
});

const rowSchema = z.object({
  document: z.string(),
  score: z.number().nullable(),
  reason: z.string().nullable(),
  question_useful: z.number().nullable(),
  mass_useful: z.number().nullable(),
});

describe('betr rank --scorer lm:JUDGE', () => {
  it('judges the sample, also after it was killed, and ranks the corpus as the model would', async () => {
    expect(errorOf((await betr(folder, ['rank', '--scorer', 'lm:none', '--json'])).stdout)).toMatchObject({
      code: 'JUDGE_UNKNOWN',
      message: expect.stringMatching(/no judge "none".*space, dummy, strict/),
    });
    expect(errorOf((await betr(folder, ['rank', '--scorer', 'lm:space', '--json'])).stdout)).toMatchObject({
      code: 'STEP_MISSING',
    });
    expect((await betr(folder, ['index'])).code).toBe(0);

    const halfway = until(() => server.asked.length > 200);
    const stop = { after: halfway, signal: 'SIGKILL' as const };
    const killed = await betrProcess(folder, ['rank', '--scorer', 'lm:space'], {}, stop);
    expect(killed.code).toBeNull();
    const before = server.asked.length;
    expect(before).toBeLessThan(500);
    const ranked = await betr(folder, ['rank', '--scorer', 'lm:space']);
    expect(ranked).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(
        new RegExp(
          String.raw`Ranked 521 documents[^]*Note: The judge "space" gave 521 sampled documents an LM-Score ` +
            String.raw`\(model server: http://127[^)]*, the 20 most likely tokens\)\. Of these, 1 is unknown ` +
            String.raw`\(too long: 1\) and excluded from training\.[^]*ROC-AUC .* is (?:0\.9\d\d|1\.000) [^]*` +
            String.raw`agreed best with people but chose worse training data`,
        ),
      ),
    });
    // A text is asked about once, but for those that were in flight: twice as many as requests at once.
    const prompts = server.asked
      .map(({ body }) => String(body.prompt))
      .filter((prompt) => prompt.includes(' number '));
    expect(new Set(prompts).size).toBe(520);
    expect(prompts.length - 520).toBeLessThanOrEqual(8);

    const { files } = rankingRun(run, 'lm:space');
    const rows = await withDuckDb({}, (connection) =>
      queryRows(connection, `SELECT * FROM ${parquetSource(files.targets)}`, rowSchema),
    );
    expect(rows).toHaveLength(521);
    expect(rows.find(({ document }) => document === 'long')).toMatchObject({
      score: null,
      reason: 'too long',
    });
    expect(rows.every(({ score, question_useful: one }) => score === one)).toBe(true);
    expect(rows.filter(({ mass_useful: mass }) => Math.abs((mass ?? 0) - 0.9) < 1e-6)).toHaveLength(520);
    const own = rankingRun(run, 'lm:space');
    const best = await withScores(own, await readRanking(own), (connection, table) =>
      queryRows(
        connection,
        `SELECT document FROM ${table} ORDER BY score DESC LIMIT 200`,
        z.object({ document: z.string() }),
      ),
    );
    expect(best.every(({ document }) => document.startsWith('space') || document === 'long')).toBe(true);

    // Nothing twice.
    const asked = server.asked.length;
    expect((await betr(folder, ['rank', '--scorer', 'lm:space'])).stdout).toMatch(
      /unchanged\nNothing new to score/,
    );
    expect(server.asked.length - asked).toBeLessThan(10);
  });

  longTest('is the same with the dummy model each time, and refuses a judge that knows nothing', async () => {
    expect((await betr(folder, ['rank', '--scorer', 'lm:dummy', '--force-judge'])).code).toBe(0);
    const { generation } = await readRanking(rankingRun(run, 'lm:dummy'));
    await rm(rankingRun(run, 'lm:dummy').files.ranking);
    await rm(rankingRun(run, 'lm:dummy').files.targets);
    await rm(run.files.judgments, { recursive: true });
    expect((await betr(folder, ['rank', '--scorer', 'lm:dummy', '--force-judge'])).code).toBe(0);
    expect((await readRanking(rankingRun(run, 'lm:dummy'))).generation).toBe(generation);
    const strict = await betr(folder, ['rank', '--scorer', 'lm:strict', '--force-judge', '--json']);
    expect(errorOf(strict.stdout)).toMatchObject({
      code: 'JUDGE_WITHOUT_SCORES',
      message: expect.stringMatching(/none of 521 documents a score \(answer mass: 521\).*leastMass/),
    });
  });
});
