// What the models of a trial on preference pairs did: on held-out pairs, on benchmark items, and their answers. What is
// missing is listed.

import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { parquetSource, sqlString, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { queryRows } from '../../data/duckdb/rows.ts';
import { resultFile, type TrainingCard } from '../../models/trainer/card.ts';
import type { PairSet } from '../../pairs/set.ts';
import { reasonOf } from '../../run/errors/errors.ts';
import type { Report } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import type { Bits } from '../bits.ts';
import { type JobProblem, readFinished } from '../trials/results.ts';
import { heldOutFile, itemsFile } from './jobs.ts';
import { type PairJob, type PairModel, pairTrialFolder, type PairTrialPlan } from './plan-file.ts';

const sumsSchema = z.object({
  cluster: z.number(),
  pairs: z.number(),
  right: z.number(),
  loss: z.number(),
  chosen: z.number(),
  rejected: z.number(),
  step: z.number(),
});

/** Sums over the held-out pairs of each group of prompts, in an order that all models share. */
export type HeldOutSums = z.output<typeof sumsSchema>[];

export interface ItemBits extends Bits {
  set: string;
}

export interface Answers {
  /** By the prompt's id. */
  texts: Map<string, string>;
  sha256: string;
}

export interface Measured {
  /** Null where nothing was planned, or its job is not done. */
  items: ItemBits[] | null;
  answers: Answers | null;
}

export interface ModelResult extends Measured {
  model: PairModel;
  card: TrainingCard;
  heldOut: HeldOutSums;
}

export interface PairTrialResults {
  models: ModelResult[];
  untuned: Measured;
  problems: JobProblem[];
}

/** Reads the results of all jobs that are done. Errors: system errors. */
export async function readPairResults(
  run: Run,
  set: PairSet,
  plan: PairTrialPlan,
  report: Report,
): Promise<PairTrialResults> {
  return withDuckDb({ threads: 1 }, async (connection) => {
    const problems: JobProblem[] = [];
    const reading: Reading = { connection, run, folder: pairTrialFolder(set, plan.name), problems };
    const models: ModelResult[] = [];
    for (const [done, model] of plan.models.entries()) {
      report({ stage: 'pairs: read results', done, total: plan.models.length, unit: 'models' });
      const found = await readModel(reading, model);
      if (found === undefined) continue;
      const other = models[0] !== undefined && keyOf(models[0].heldOut) !== keyOf(found.heldOut);
      if (other)
        problems.push({ job: model.train.name, problem: 'it measured other pairs than the first job' });
      else models.push(found);
    }
    return { models, untuned: await readMeasured(reading, plan.untuned), problems };
  });
}

function keyOf(sums: HeldOutSums): string {
  return sums.map(({ cluster, pairs }) => `${cluster}:${pairs}`).join(' ');
}

interface Reading {
  connection: DuckDBConnection;
  run: Run;
  /** The trial's. */
  folder: string;
  problems: JobProblem[];
}

async function readModel(reading: Reading, model: PairModel): Promise<ModelResult | undefined> {
  const found = await readJobResult(reading, model.train, (path) =>
    queryRows(
      reading.connection,
      `SELECT cluster::DOUBLE AS cluster, count(*)::DOUBLE AS pairs,
        sum(CASE WHEN margin > 0 THEN 1 WHEN margin = 0 THEN 0.5 ELSE 0 END)::DOUBLE AS "right",
        sum(loss) AS loss, sum(chosen - ref_chosen) AS chosen, sum(rejected - ref_rejected) AS rejected,
        max(step)::DOUBLE AS step
      FROM ${parquetSource(path)} AS result
      JOIN read_json(${sqlString(join(reading.folder, heldOutFile))}, format = 'newline_delimited',
        columns = {id: 'VARCHAR', cluster: 'BIGINT'}) AS held USING (id)
      WHERE input = 'held' AND step > 0 AND left_out IS NULL AND isfinite(margin)
      GROUP BY cluster ORDER BY cluster`,
      sumsSchema,
    ),
  );
  if (found === undefined) return undefined;
  if (found.value.length === 0) {
    reading.problems.push({ job: model.train.name, problem: 'it could use none of the held-out pairs' });
    return undefined;
  }
  return { model, card: found.card, heldOut: found.value, ...(await readMeasured(reading, model)) };
}

async function readMeasured(
  reading: Reading,
  { items, answers }: Pick<PairModel, 'items' | 'answers'>,
): Promise<Measured> {
  const read =
    items === null ? undefined : await readJobResult(reading, items, (path) => readItemBits(reading, path));
  const written =
    answers === null ? undefined : await readJobResult(reading, answers, (path) => readTexts(reading, path));
  return {
    items: read?.value ?? null,
    answers: written === undefined ? null : { texts: written.value, sha256: written.card.result.sha256 },
  };
}

async function readJobResult<T>(
  { run, problems }: Reading,
  job: PairJob,
  read: (path: string) => Promise<T>,
): Promise<{ value: T; card: TrainingCard } | undefined> {
  const folder = join(run.files.training, job.name);
  const found = await readFinished(folder, job.sha256);
  if ('problem' in found) {
    problems.push({ job: job.name, problem: found.problem });
    return undefined;
  }
  try {
    return { value: await read(join(folder, resultFile)), card: found.card };
  } catch (error) {
    problems.push({ job: job.name, problem: `${resultFile} cannot be read: ${reasonOf(error)}` });
    return undefined;
  }
}

const itemSchema = z.object({ set: z.string(), bits: z.number(), bytes: z.number() });

/** Bits of the right answers, by benchmark. */
async function readItemBits({ connection, folder }: Reading, path: string): Promise<ItemBits[]> {
  const rows = await queryRows(
    connection,
    `SELECT result."set" AS "set", -log_probability / ln(2) AS bits, bytes::DOUBLE AS bytes
    FROM ${parquetSource(path)} AS result
    JOIN read_json(${sqlString(join(folder, itemsFile))}, format = 'newline_delimited',
      columns = {id: 'VARCHAR', "set": 'VARCHAR', answer: 'INTEGER'}) AS items
      ON items.id = result.item AND items."set" = result."set"
    WHERE coalesce(choice, 0) = coalesce(answer, 0) ORDER BY result."set", result.item`,
    itemSchema,
  );
  return [...new Set(rows.map((row) => row.set))].map((set) => {
    const own = rows.filter((row) => row.set === set);
    return {
      set,
      bits: Float64Array.from(own, ({ bits }) => bits),
      bytes: Float64Array.from(own, ({ bytes }) => bytes),
    };
  });
}

async function readTexts({ connection }: Reading, path: string): Promise<Map<string, string>> {
  const rows = await queryRows(
    connection,
    `SELECT id, text FROM ${parquetSource(path)} WHERE sample = 0 ORDER BY id`,
    z.object({ id: z.string(), text: z.string() }),
  );
  return new Map(rows.map(({ id, text }) => [id, text]));
}
