// The results of a trial's finished jobs, and what is wrong with the others: nothing is left out in silence.

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { parquetSource, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { queryRows } from '../../data/duckdb/rows.ts';
import { sha256File } from '../../data/files/hash-files.ts';
import { readCard, resultFile, type TrainingCard } from '../../models/trainer/card.ts';
import { type JobText, readJob } from '../../models/trainer/read-job.ts';
import { readJobState } from '../../models/trainer/state.ts';
import { BetrError, reasonOf } from '../../run/errors/errors.ts';
import type { Report } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import type { Bits } from '../bits.ts';
import type { PlannedJob, TrialPlan } from './plan-file.ts';

export const measures = ['answer', 'whole', 'text'] as const;
export type Measure = (typeof measures)[number];

/** The items of one set by one measure, in an order that all runs share. */
export interface MeasuredSet extends Bits {
  set: string;
  measure: Measure;
  /** 1 where the right choice is the likeliest, 0 where not; undefined without choices. The second is by character. */
  correct: Float64Array | undefined;
  correctByCharacter: Float64Array | undefined;
  /** Changes with the items. */
  items: string;
}

export interface RunReading {
  /** Tokens that the model has read. */
  tokens: number;
  sets: MeasuredSet[];
}

export interface RunResult {
  job: PlannedJob;
  card: TrainingCard;
  /** By tokens. */
  readings: RunReading[];
}

/** A job without a usable result, and why. */
export interface JobProblem {
  job: string;
  problem: string;
}

/** Reads the results of all jobs that are done. Errors: system errors. */
export async function readResults(
  run: Run,
  { jobs }: TrialPlan,
  report: Report,
): Promise<{ results: RunResult[]; problems: JobProblem[] }> {
  return withDuckDb({ threads: 1 }, (connection) => readAll(connection, run, jobs, report));
}

async function readAll(
  connection: DuckDBConnection,
  run: Run,
  jobs: readonly PlannedJob[],
  report: Report,
): Promise<{ results: RunResult[]; problems: JobProblem[] }> {
  const results: RunResult[] = [];
  const problems: JobProblem[] = [];
  let reference: string | undefined;
  for (const [done, job] of jobs.entries()) {
    report({ stage: 'trial: read results', done, total: jobs.length, unit: 'models' });
    const read = await readResult(connection, join(run.files.training, job.name), job);
    if ('problem' in read) {
      problems.push({ job: job.name, problem: read.problem });
      continue;
    }
    const items = describeItems(read);
    reference ??= items;
    if (items === reference) results.push(read);
    else
      problems.push({
        job: job.name,
        problem: 'it measured other items, or at other times, than the first job',
      });
  }
  return { results, problems };
}

function describeItems({ readings }: RunResult): string {
  return JSON.stringify(
    readings.map(({ tokens, sets }) => [
      tokens,
      ...sets.map(({ measure, set, items }) => [measure, set, items]),
    ]),
  );
}

async function readResult(
  connection: DuckDBConnection,
  folder: string,
  job: PlannedJob,
): Promise<RunResult | { problem: string }> {
  const found = await readFinished(folder, job.sha256);
  if ('problem' in found) return found;
  const path = join(folder, resultFile);
  try {
    return { job, card: found.card, readings: await readReadings(connection, path) };
  } catch (error) {
    return { problem: `${resultFile} cannot be read: ${reasonOf(error)}` };
  }
}

/** The card of a job that is done, with the job.json and the results that were planned and written; or why not. */
export async function readFinished(
  folder: string,
  jobSha256: string,
): Promise<{ card: TrainingCard } | { problem: string }> {
  let read: JobText | undefined;
  let card: TrainingCard | undefined;
  try {
    read = await readJob(folder);
    card = read === undefined ? undefined : await readCard(folder, read);
  } catch (error) {
    if (!(error instanceof BetrError)) throw error;
    return { problem: error.message };
  }
  if (read === undefined)
    return { problem: 'its folder has no job.json; plan the trial again under another name' };
  if (createHash('sha256').update(read.text).digest('hex') !== jobSha256)
    return { problem: 'its job.json is not the one that was planned' };
  if (card === undefined) return { problem: await describeUnfinished(folder) };
  try {
    if ((await sha256File(join(folder, resultFile))) === card.result.sha256) return { card };
    return { problem: `${resultFile} is not the file that the worker wrote` };
  } catch (error) {
    return { problem: `${resultFile} cannot be read: ${reasonOf(error)}` };
  }
}

async function describeUnfinished(folder: string): Promise<string> {
  const found = await readJobState(folder);
  const problem = found?.problem ?? null;
  const state = found?.state === 'waiting' ? 'not started' : (found?.state ?? 'missing');
  return `it is ${state}${problem === null ? '' : `: ${problem}`}`;
}

const setRow = z.object({
  tokens: z.number(),
  measure: z.enum(measures),
  set: z.string(),
  count: z.number(),
  items: z.string(),
});

async function readReadings(connection: DuckDBConnection, path: string): Promise<RunReading[]> {
  const table = parquetSource(path);
  // Rows in the order of the sets, which `count` then divides.
  const sets = await queryRows(
    connection,
    'SELECT tokens::DOUBLE AS tokens, measure, "set", count(*)::DOUBLE AS count, ' +
      `md5(string_agg(item, chr(10) ORDER BY item)) AS items FROM ${table} WHERE decayed ` +
      'GROUP BY ALL ORDER BY tokens, measure, "set"',
    setRow,
  );
  const columns = (
    await connection.runAndReadAll(
      'SELECT bits::DOUBLE, bytes::DOUBLE, correct::DOUBLE, correct_norm::DOUBLE ' +
        `FROM ${table} WHERE decayed ORDER BY tokens, measure, "set", item`,
    )
  ).getColumns();
  const [bits = [], bytes = [], correct = [], byCharacter = []] = z
    .array(z.array(z.number().nullable()))
    .parse(columns);
  const readings: RunReading[] = [];
  let at = 0;
  for (const { tokens, count, ...set } of sets) {
    const take = (values: readonly (number | null)[]): Float64Array =>
      Float64Array.from(values.slice(at, at + count), (value) => value ?? 0);
    const takeAll = (values: readonly (number | null)[]): Float64Array | undefined =>
      values.slice(at, at + count).includes(null) ? undefined : take(values);
    if (readings.at(-1)?.tokens !== tokens) readings.push({ tokens, sets: [] });
    readings.at(-1)?.sets.push({
      ...set,
      bits: take(bits),
      bytes: take(bytes),
      correct: takeAll(correct),
      correctByCharacter: takeAll(byCharacter),
    });
    at += count;
  }
  return readings;
}
