// The Python worker itself, where it is installed (`make trainer`).

import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals';
import { parquetSource, withDuckDb } from '../../../data/duckdb/duckdb.ts';
import { runJobs } from '../../../models/trainer.ts';
import type { TrainingCard } from '../../../models/trainer/card.ts';
import { measureJob } from '../../../models/trainer/measure.ts';
import { askDevices, checkPython, findPython } from '../../../models/trainer/python.ts';
import { readJobState } from '../../../models/trainer/state.ts';
import { type JobPlan, writeJob } from '../../../models/trainer/write-job.ts';
import { sentence } from '../../cli/project.ts';
import { everything } from '../../long.ts';
import { until } from '../../until.ts';

jest.setTimeout(900_000);

const python = findPython(undefined, '.');
const why = everything
  ? await checkPython(python).then(
      () => undefined,
      (error: unknown) => String(error),
    )
  : 'runs only in make test-all';
if (why !== undefined) process.stderr.write(`test/models/trainer/real-worker: ${why}; skipped\n`);
const test = why === undefined ? it : it.skip;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-worker-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const lines = (rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
const texts = (from: number, count: number): string[] =>
  Array.from({ length: count }, (_, i) => sentence(i % 2 === 0 ? 'space' : 'kitchen', from + i));

/** Runs jobs that must succeed. */
async function finish(...folders: string[]): Promise<TrainingCard[]> {
  const ends = await runJobs(folders, { python, threads: 1, atOnce: 1 });
  return ends.map(({ card, error }) => {
    if (card === undefined) throw error ?? new Error('no card');
    return card;
  });
}

test('a tokenizer, a model that is killed while it is trained, and what it says about texts', async () => {
  const training = join(folder, 'training');
  const path = (name: string): string => join(folder, name);
  await writeFile(path('train.jsonl'), lines(texts(0, 400).map((text, id) => ({ id, text }))));
  await writeFile(
    path('held.jsonl'),
    lines(texts(1000, 5).map((text, id) => ({ id: String(id), set: 'held', text }))),
  );
  const words = await writeJob(training, 'words', {
    kind: 'tokenizer',
    inputs: [{ name: 'train', path: path('train.jsonl') }],
    settings: { vocabulary: 300 },
  });
  await finish(words);

  const plan: JobPlan = {
    kind: 'pretrain',
    seed: 3,
    model: { new: { hidden: 16, layers: 1, heads: 2, keyValueHeads: 2, mlp: 32 } },
    tokenizer: { folder: join(words, 'tokenizer') },
    inputs: [
      { name: 'train', path: path('train.jsonl') },
      { name: 'held', path: path('held.jsonl') },
    ],
    settings: {
      tokens: 20_480,
      learningRate: 1e-2,
      sequenceLength: 64,
      batchTokens: 256,
      readings: [10_240],
      evaluations: [{ input: 'held', kind: 'texts' }],
    },
    limits: { threads: 1, checkpointSeconds: 0.01 },
  };
  const [whole, killed] = [await writeJob(training, 'whole', plan), await writeJob(training, 'killed', plan)];
  expect((await measureJob(python, whole, { steps: 2 })).tokensPerSecond).toBeGreaterThan(0);
  const [card] = await finish(whole);

  // A worker that is killed loses little, and the result is the same to the bit.
  const running = runJobs([killed], { python, threads: 1 });
  await until(async () => ((await readJobState(killed))?.step ?? 0) >= 20, { seconds: 300 });
  const state = await readJobState(killed);
  expect(state?.state).toBe('running');
  process.kill(state?.worker?.pid ?? 0, 'SIGKILL');
  expect((await running)[0]?.error?.code).toBe('TRAINING_KILLED');
  expect((await readJobState(killed))?.state).toBe('stopped');
  const [again] = await finish(killed);
  expect(again?.resumed).toBe(1);
  expect(again?.result).toEqual(card?.result);

  const losses = await writeJob(training, 'losses', {
    kind: 'losses',
    model: { checkpoint: whole },
    inputs: [{ name: 'texts', path: path('held.jsonl') }],
  });
  await finish(losses);
  const bits = async (job: string, sum: string, where: string): Promise<number> =>
    withDuckDb({}, async (connection) => {
      const answer = await connection.runAndReadAll(
        `SELECT sum(${sum})::DOUBLE FROM ${parquetSource(join(job, 'result.parquet'))} WHERE ${where}`,
      );
      return Number(answer.getRows()[0]?.[0]);
    });
  // The last reading's bits are what `losses` computes from the kept model.
  const read = await bits(whole, 'bits', "decayed AND measure = 'text' AND tokens = 20480");
  expect(await bits(losses, '-log_probability / ln(2)', 'true')).toBeCloseTo(read, 1);

  // A changed input is refused in the worker's own words.
  await writeFile(path('held.jsonl'), '{}');
  const other = await writeJob(training, 'changed', plan);
  await writeFile(path('held.jsonl'), '{"id": 1}');
  const [refused] = await runJobs([other], { python });
  expect(refused?.error).toMatchObject({
    code: 'TRAINING_INPUT_CHANGED',
    message: expect.stringContaining(
      createHash('sha256')
        .update(await readFile(path('held.jsonl')))
        .digest('hex'),
    ),
  });
  expect((await askDevices(python)).device).not.toBe('');
});
