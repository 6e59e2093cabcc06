// A set of pairs to plan trials of, and a stand-in for the Python worker: it writes the results that models with known
// qualities would have.

import { createHash } from 'node:crypto';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { sqlString, withDuckDb } from '../../../data/duckdb/duckdb.ts';
import { keyHash } from '../../../data/files/hash.ts';
import { sha256File } from '../../../data/files/hash-files.ts';
import { withLock } from '../../../data/files/lock.ts';
import { type PairTrialOptions, planPairTrial } from '../../../evaluation/pair-trials/plan.ts';
import type { PairTrialPlan } from '../../../evaluation/pair-trials/plan-file.ts';
import { silent } from '../../../run/progress.ts';
import { fingerprint, type Run } from '../../../run/run.ts';
import { type SmallPair, withSmallSet } from '../../pairs/small-set.ts';

export const pairCount = 200;

const words = [
  'river',
  'mountain',
  'engine',
  'teacher',
  'violin',
  'planet',
  'market',
  'garden',
  'letter',
  'winter',
];

/** Every fourth prompt has two pairs. */
function promptOf(pair: number): string {
  const prompt = pair % 4 === 1 ? pair - 1 : pair;
  const chosen = Array.from({ length: 12 }, (_, at) => {
    const hash = Number(keyHash(`${prompt} ${at}`, 1) >> 40n);
    return `${words[hash % words.length] ?? ''}${hash % 97}`;
  });
  return `Write about ${chosen.join(' ')}.`;
}

/** From easy to hard; the last one is unknown. */
function makePairs(): SmallPair[] {
  return Array.from({ length: pairCount }, (_, pair) => ({
    margin: pair === pairCount - 1 ? null : 3 - (6 * pair) / pairCount,
    row: {
      id: `p${pair}`,
      prompt: promptOf(pair),
      chosen: `A good answer, number ${pair}.`,
      rejected: `A bad one, ${pair}.`,
    },
  }));
}

/** Calls `use` with a run whose set "feedback" has 200 pairs, and that has a benchmark and a judge. */
export async function withPairs(use: (run: Run, folder: string) => Promise<void>): Promise<void> {
  const item = (i: number): string =>
    `${JSON.stringify({ id: `i${i}`, question: `Which number is next after ${i}?`, choices: [`${i + 1}`, `${i - 1}`], gold: 0 })}\n`;
  await withSmallSet(makePairs(), use, {
    files: {
      'test.jsonl': Array.from({ length: 40 }, (_, i) => item(i)).join(''),
      'examples.jsonl': '{"question": "What is this?", "answer": "An example."}\n',
    },
    settings: `benchmarks:
  - {name: numbers, files: [examples.jsonl], tests: [test.jsonl]}
models:
  - {name: critic, model: 'dummy:3'}
`,
  });
}

export const options: PairTrialOptions = {
  name: 'first',
  measurement: undefined,
  student: 'student',
  training: {
    model: { folder: '/nowhere/student' },
    beta: 0.1,
    learningRate: 1e-5,
    epochs: 1,
    batchSize: 8,
    maxLength: 512,
    maxPromptLength: 256,
    lora: null,
    order: 'random',
    chatTemplate: null,
  },
  arms: ['easiest', 'middle', 'hardest', 'random'],
  keeps: [0.25, 0.5],
  budgets: ['epochs', 'steps'],
  seeds: [0, 1],
  heldOut: undefined,
  items: 30,
  judge: 'critic',
  prompts: 12,
  answerTokens: 64,
  chat: false,
};

export function plan(run: Run, changes: Partial<PairTrialOptions> = {}): Promise<PairTrialPlan> {
  const measure = () =>
    Promise.resolve({
      ...{ secondsPerStep: 1, tokensPerSecond: 100, peakMemoryMb: 10, flopsPerToken: 1 },
      ...{ seconds: 20, flops: 1e9, trainable: 1000, parameters: 1000 },
    });
  return withLock(run, () => planPairTrial(run, 'feedback', { ...options, ...changes }, { measure }, silent));
}

/** What the stand-in's models are like. `job` is the name without what is the same for all: easiest.k25.steps.s1. */
export interface Qualities {
  margin(job: string, pair: string): number;
  /** Bits of a right answer. */
  bits(job: string, item: string): number;
  text(job: string, prompt: string): string;
}

const jobSchema = z.looseObject({
  kind: z.enum(['dpo', 'losses', 'generate']),
  inputs: z.array(z.object({ name: z.string(), path: z.string(), sha256: z.string() })),
});
const rowSchema = z.looseObject({ id: z.string(), set: z.string().optional() });

/** Does these jobs. */
export async function doJobs(run: Run, names: readonly string[], qualities: Qualities): Promise<void> {
  await withDuckDb({ threads: 1 }, async (connection) => {
    for (const name of names) await doJob(connection, join(run.files.training, name), name, qualities);
  });
}

/** The names of all jobs of a plan. */
export function jobsOf({ models, untuned }: PairTrialPlan): string[] {
  return [...models, { ...untuned, train: null }].flatMap(({ train, items, answers }) =>
    [train, items, answers].flatMap((job) => job?.name ?? []),
  );
}

async function doJob(
  connection: DuckDBConnection,
  folder: string,
  name: string,
  qualities: Qualities,
): Promise<void> {
  const text = await readFile(join(folder, 'job.json'), 'utf8');
  const job = jobSchema.parse(JSON.parse(text));
  const [, model = ''] = /\.trial-[^.]+\.(.+?)(?:\.items|\.answers)?$/.exec(name) ?? [];
  const input = job.inputs.at(-1)?.path ?? '';
  const bytes = await readFile(join(folder, input));
  const lines = (input.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8').split('\n');
  const rows = lines.filter((line) => line !== '').map((line) => rowSchema.parse(JSON.parse(line)));
  const [columns, results] = makeRows(job.kind, rows, model, qualities);
  const result = join(folder, 'result.parquet');
  const json = join(folder, 'rows.json');
  await writeFile(json, JSON.stringify(results));
  await connection.run(
    `COPY (SELECT * FROM read_json(${sqlString(json)}, columns = ${columns})) TO ${sqlString(result)} (FORMAT parquet)`,
  );
  await rm(json);
  const card = {
    version: 1,
    kind: job.kind,
    job: createHash('sha256').update(text).digest('hex'),
    inputs: job.inputs.map(({ name: input, sha256 }) => ({ name: input, sha256 })),
    model: null,
    versions: {},
    device: 'cpu',
    threads: 1,
    dtype: 'float32',
    parameters: 1000,
    parametersWithoutEmbeddings: 900,
    flops: 1e9,
    flopsWithoutEmbeddings: 1e9,
    tokens: 1000,
    passes: 1,
    seconds: 2,
    resumed: 0,
    settings: {},
    result: { sha256: await sha256File(result), rows: results.length },
  };
  await writeFile(join(folder, 'card.json'), JSON.stringify({ ...card, seal: fingerprint(card) }));
}

function makeRows(
  kind: 'dpo' | 'losses' | 'generate',
  rows: readonly z.output<typeof rowSchema>[],
  model: string,
  qualities: Qualities,
): [columns: string, rows: object[]] {
  if (kind === 'dpo')
    return [
      `{id: 'VARCHAR', input: 'VARCHAR', step: 'BIGINT', chosen: 'DOUBLE', rejected: 'DOUBLE', ref_chosen: 'DOUBLE', ` +
        `ref_rejected: 'DOUBLE', margin: 'DOUBLE', loss: 'DOUBLE', left_out: 'VARCHAR'}`,
      rows.flatMap(({ id }) =>
        [0, 10].map((step) => {
          const own = step === 0 ? 0 : qualities.margin(model, id);
          return {
            ...{ id, input: 'held', step, chosen: -20 + 10 * own, rejected: -20 },
            ...{
              ref_chosen: -20,
              ref_rejected: -20,
              margin: own,
              loss: Math.log1p(Math.exp(-own)),
              left_out: null,
            },
          };
        }),
      ),
    ];
  if (kind === 'losses')
    return [
      `{item: 'VARCHAR', "set": 'VARCHAR', choice: 'INTEGER', log_probability: 'DOUBLE', bytes: 'BIGINT'}`,
      rows.flatMap(({ id, set }) =>
        [0, 1].map((choice) => ({
          ...{ item: id, set, choice, bytes: 2 },
          log_probability: -Math.LN2 * (qualities.bits(model, id) + choice),
        })),
      ),
    ];
  return [
    `{id: 'VARCHAR', sample: 'INTEGER', text: 'VARCHAR'}`,
    rows.map(({ id }) => ({ id, sample: 0, text: qualities.text(model, id) })),
  ];
}
