// A small run to plan trials of, and a stand-in for the Python worker: it writes the results that a trained model with
// known qualities would have.

import { BetrError } from '../../../run/errors/errors.ts';
import { createHash } from 'node:crypto';
import { mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { sqlString, withDuckDb } from '../../../data/duckdb/duckdb.ts';
import { keyHash } from '../../../data/files/hash.ts';
import { withLock } from '../../../data/files/lock.ts';
import { sha256File } from '../../../data/files/hash-files.ts';
import { planTrial, type TrialOptions } from '../../../evaluation/trials/plan.ts';
import type { TrialPlan } from '../../../evaluation/trials/plan-file.ts';
import type { TrialWorker } from '../../../evaluation/trials/worker.ts';
import { publishRanking } from '../../../ranking/publish.ts';
import { silent } from '../../../run/progress.ts';
import { fingerprint, openRun, type Run } from '../../../run/run.ts';
import { type Row, withRun, writeParts } from '../../ranking/synthetic.ts';

const numbers = ['one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten'];
export const leakedQuestion =
  'If Anna buys nineteen green apples on Monday and eats four of them before Tuesday, how many are left?';

/** A document of each of two sources, by turns; number 7 contains a test item. */
function textOf(i: number): string {
  if (i === 7) return `${leakedQuestion} fifteen. That was in a test.`;
  return i % 2 === 0
    ? `Tom has ${numbers[i % 10] ?? ''} pears and takes ${i} more of them, so he has many. `.repeat(3)
    : `Once upon a time, ${i} years ago, a king lived by the ${i % 3 === 0 ? 'sea' : 'lake'} with his dog. `.repeat(
        2,
      );
}

export const documents = 600;

/**
 * Calls `use` with a run of 600 documents that is ranked by betr (sums first) and has three benchmarks: one with
 * choices, one with answers, and one without tests.
 */
export async function withTrialRun(use: (run: Run) => Promise<void>): Promise<void> {
  await withRun(async ({ settingsFolder: folder }) => {
    await mkdir(join(folder, 'corpus'));
    const source = (i: number): string => (i % 2 === 0 ? 'sums' : 'tales');
    const line = (row: object): string => `${JSON.stringify(row)}\n`;
    const shard = join(folder, 'corpus/0.jsonl');
    await writeFile(
      shard,
      Array.from({ length: documents }, (_, i) =>
        line({ id: `d${i}`, source: source(i), text: textOf(i), tokens: 40 }),
      ).join(''),
    );
    const choice = (i: number): object => ({
      id: `c${i}`,
      question: `Which of these comes after the number ${i}?`,
      choices: [`${i + 1}`, `${i - 1}`, 'none of the others'],
      gold: 0,
    });
    await writeFile(
      join(folder, 'choices.jsonl'),
      Array.from({ length: 30 }, (_, i) => line(choice(i))).join(''),
    );
    const open = (i: number): object => ({
      id: `o${i}`,
      question: `What is ${i} and ${i} and one more?`,
      answer: `It is ${2 * i + 1}.`,
    });
    await writeFile(
      join(folder, 'open.jsonl'),
      [
        ...Array.from({ length: 20 }, (_, i) => open(i)),
        { id: 'leaked', question: leakedQuestion, answer: 'fifteen' },
      ]
        .map(line)
        .join(''),
    );
    await writeFile(
      join(folder, 'betr.yaml'),
      JSON.stringify({
        corpus: { files: ['corpus/*'] },
        benchmarks: [
          { name: 'choices', files: ['train.jsonl'], tests: ['choices.jsonl'] },
          { name: 'open', files: ['train.jsonl'], tests: ['open.jsonl'] },
          { name: 'untested', files: ['train.jsonl'] },
        ],
        scoring: { chunkMegabytes: 1 },
        workers: 1,
      }),
    );
    await writeFile(
      join(folder, 'train.jsonl'),
      line({ question: 'What is this?', answer: 'It is an example.' }),
    );
    const run = await openRun(join(folder, 'betr.yaml'));
    await rankAgain(run, 1);
    await use(run);
  });
}

/** Publishes a ranking by betr of the first documents; another seed gives another one. */
export async function rankAgain(run: Run, seed: number, count = documents): Promise<void> {
  const shard = join(run.settingsFolder, 'corpus/0.jsonl');
  const rows = Array.from({ length: count }, (_, i): Row => ({
    shard: 'corpus/0.jsonl',
    row: i,
    document: `d${i}`,
    source: i % 2 === 0 ? 'sums' : 'tales',
    tokens: 40,
    score: Math.fround((i % 2 === 0 || i === 7 ? 1 : 0) + Number(keyHash(`d${i}`, seed) >> 44n) / 2 ** 20),
  }));
  const { size, mtimeMs } = await stat(shard);
  const parts = await writeParts(run, rows, 0, { bytes: size, modifiedMs: mtimeMs });
  await publishRanking(run, parts, { outputs: ['joint', 'sums'], sha256: 'f'.repeat(64) });
}

/** What the stand-in's models are like. */
export interface Qualities {
  /** Bits per byte of an item; `share` is how much of the training is done, and `key` names arm and seed. */
  bits(at: {
    arm: string;
    seed: number;
    learningRate: number;
    set: string;
    item: string;
    share: number;
    key: string;
  }): number;
  passes?(arm: string): number;
  parameters?: number;
}

const jobSchema = z.looseObject({
  seed: z.number(),
  inputs: z.array(z.object({ name: z.string(), path: z.string(), sha256: z.string() })),
  settings: z.looseObject({ tokens: z.number(), readings: z.array(z.number()), learningRate: z.number() }),
});
const itemSchema = z.looseObject({
  id: z.string(),
  set: z.string(),
  prompt: z.string().optional(),
  choices: z.array(z.string()).optional(),
});

/** A worker that trains nothing. */
export function openStandIn(qualities: Qualities): TrialWorker & { ran: string[] } {
  const ran: string[] = [];
  return {
    ran,
    measure: () => Promise.resolve({ tokensPerSecond: 1000, peakMemoryMb: 100, flopsPerToken: 6e6 }),
    async run(folders) {
      ran.push(...folders);
      await doJobs(folders, qualities);
    },
  };
}

async function doJobs(folders: readonly string[], qualities: Qualities): Promise<void> {
  await withDuckDb({ threads: 1 }, async (connection) => {
    for (const folder of folders) await doJob(connection, folder, qualities);
  });
}

async function doJob(connection: DuckDBConnection, folder: string, qualities: Qualities): Promise<void> {
  const text = await readFile(join(folder, 'job.json'), 'utf8');
  const job = jobSchema.parse(JSON.parse(text));
  const [, arm = ''] = /^[^.]+\.(.+)\.s\d+\.lr\d+$/.exec(folder.split('/').at(-1) ?? '') ?? [];
  const { tokens, readings, learningRate } = job.settings;
  const inputs = new Map(job.inputs.map(({ name, path }) => [name, join(folder, path)]));
  const read = async (name: string): Promise<z.output<typeof itemSchema>[]> =>
    inputs.has(name)
      ? (await readFile(inputs.get(name) ?? '', 'utf8'))
          .split('\n')
          .filter((line) => line !== '')
          .map((line) => itemSchema.parse(JSON.parse(line)))
      : [];
  const items = await read('items');
  const texts = [...(await read('texts')), ...(await read('validation'))];
  const rows: object[] = [];
  for (const at of new Set([...readings, tokens])) {
    const row = ({ id, set, choices }: z.output<typeof itemSchema>, measure: string): object => {
      const bytes = 10 + (id.length % 3);
      const bits = qualities.bits({
        arm,
        seed: job.seed,
        learningRate,
        set,
        item: id,
        share: at / tokens,
        key: `${arm} ${job.seed} ${learningRate}`,
      });
      const correct = choices === undefined ? null : bits < 2 ? 1 : 0;
      return {
        tokens: at,
        step: at,
        decayed: true,
        set,
        item: id,
        measure,
        bits: bits * bytes,
        bytes,
        correct,
        correct_norm: correct,
      };
    };
    for (const item of items) rows.push(row(item, 'answer'), row(item, 'whole'));
    for (const item of texts) rows.push(row(item, 'text'));
  }
  const result = join(folder, 'result.parquet');
  const json = join(folder, 'rows.json');
  await writeFile(json, JSON.stringify(rows));
  await connection.run(
    `COPY (SELECT * FROM read_json(${sqlString(json)}, columns = {tokens: 'BIGINT', step: 'BIGINT', decayed: ` +
      `'BOOLEAN', "set": 'VARCHAR', item: 'VARCHAR', measure: 'VARCHAR', bits: 'DOUBLE', bytes: 'BIGINT', ` +
      `correct: 'TINYINT', correct_norm: 'TINYINT'})) TO ${sqlString(result)} (FORMAT parquet)`,
  );
  await rm(json);
  const parameters = qualities.parameters ?? 1e6;
  const card = {
    version: 1,
    kind: 'pretrain',
    job: createHash('sha256').update(text).digest('hex'),
    inputs: job.inputs.map(({ name, sha256 }) => ({ name, sha256 })),
    model: null,
    versions: { torch: '2' },
    device: 'cpu',
    threads: 1,
    dtype: 'float32',
    parameters,
    parametersWithoutEmbeddings: 0.9 * parameters,
    flops: 6 * parameters * tokens,
    flopsWithoutEmbeddings: 5.4 * parameters * tokens,
    tokens,
    passes: qualities.passes?.(arm) ?? 0.5,
    seconds: 2,
    resumed: 0,
    settings: job.settings,
    result: { sha256: await sha256File(result), rows: rows.length },
  };
  await writeFile(join(folder, 'card.json'), JSON.stringify({ ...card, seal: fingerprint(card) }));
}

/** A seeded number from -1 to 1 for a name. */
export function noiseOf(name: string): number {
  return Number(keyHash(name, 5) >> 40n) / 2 ** 23 - 1;
}

const options: TrialOptions = {
  name: 'first',
  names: ['betr'],
  keeps: [0.2],
  randomDraws: 2,
  model: '1m',
  tokenizer: 'bytes',
  tokens: 8000,
  sequenceLength: 64,
  batchTokens: 128,
  readings: [2000, 4000, 8000],
  decayShare: 0.2,
  learningRates: [1e-3],
  tune: false,
  seeds: [0, 1, 2],
  items: 300,
  texts: 10,
};

/** betr's cut is better by .3, all models get better with training, and seeds differ by up to .02. */
export const qualities: Qualities = {
  bits: ({ arm, set, item, share, key }) =>
    3 +
    0.5 * noiseOf(item) -
    (arm.startsWith('betr') && set !== 'tales' ? 0.3 : 0) -
    0.2 * Math.log2(share) +
    0.02 * noiseOf(key),
};

export const plan = (
  run: Run,
  changes: Partial<TrialOptions> = {},
  worker = openStandIn(qualities),
): Promise<TrialPlan> => withLock(run, () => planTrial(run, { ...options, ...changes }, worker, silent));

/** Does all jobs of a plan. */
export async function runAll(run: Run, { jobs }: TrialPlan, of = qualities): Promise<void> {
  await doJobs(
    jobs.map(({ name }) => join(run.files.training, name)),
    of,
  );
}

/** The code of the error that the work ends with. */
export const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'no error',
    (error: unknown) => (error instanceof BetrError ? error.code : String(error)),
  );
