// Makes a measurement of what reference models said. Values belong to pairs by the pair's id, wherever they stand in
// a result; a pair that a model should have judged and did not is unknown, with the reason.

import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { parquetSource, sqlString } from '../../data/duckdb/duckdb.ts';
import { queryRows, sqlList } from '../../data/duckdb/rows.ts';
import { withSpillingDuckDb } from '../../data/duckdb/run-files.ts';
import { sha256File } from '../../data/files/hash-files.ts';
import { readCard, resultFile, type TrainingCard } from '../../models/trainer/card.ts';
import { readJob } from '../../models/trainer/read-job.ts';
import { readJobState } from '../../models/trainer/state.ts';
import { formatCount } from '../../run/amounts.ts';
import { BetrError, fail, reasonOf } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import { splitCount } from '../folds.ts';
import { type Measurement, sqlCollect, writeMeasurement } from '../measurement.ts';
import { type PairSet, pairTable } from '../set.ts';
import type { ModelsOptions } from './options.ts';
import type { ModelsPlan } from './plan.ts';

/**
 * Collects the results of a plan's jobs into a measurement. The run must be locked. Errors: PAIRS_MODELS_UNFINISHED,
 * and those of `writeMeasurement`.
 */
export async function collectModels(
  run: Run,
  set: PairSet,
  plan: ModelsPlan,
  options: ModelsOptions,
): Promise<Measurement> {
  const cards = await readCards(run, plan);
  return withSpillingDuckDb(run.files.spill, async (connection) => {
    const { cutOnBoth, steps } = await loadResults(connection, run, set, plan);
    const { model, modelName, lora, seed, beta, checkpoints, name } = options;
    const [first] = cards;
    return writeMeasurement(
      connection,
      set,
      {
        name,
        method: 'models',
        proxy: false,
        beta,
        checkpoints,
        model: modelName,
        folds: { splits: splitCount, groups: plan.groups, largestPairs: plan.largest },
        seeds: [seed],
        settings: {
          start: 'folder' in model ? model.folder : model.checkpoint,
          startSha256: first?.model ?? null,
          parameters: first?.parameters ?? null,
          device: first?.device ?? null,
          dtype: first?.dtype ?? null,
          loraR: lora?.r ?? null,
          loraAlpha: lora?.alpha ?? null,
          loraDropout: lora?.dropout ?? null,
          learningRate: options.learningRate,
          epochs: options.epochs,
          batchSize: options.batchSize,
          maxLength: options.maxLength,
          maxPromptLength: options.maxPromptLength,
          measureAt: options.measureAt,
          part: options.part ?? null,
          chat: options.chat,
          chatTemplate: options.chatTemplate,
        },
        seconds: cards.reduce((sum, card) => sum + card.seconds, 0),
        flops: cards.reduce((sum, card) => sum + (card.flops ?? 0), 0),
        notes: [
          ...plan.notes,
          `Models were measured after ${steps.map(formatCount).join(', ')} steps.`,
          ...(cutOnBoth === 0
            ? []
            : [
                `Both answers of ${formatCount(cutOnBoth)} pairs are cut at the end of the context, as in training.`,
              ]),
        ],
      },
      sqlCollect(
        'SELECT pair, model, step, margin FROM judged',
        set.card.pairs,
        sqlUnknown(set, options.part),
      ),
      'SELECT pair, any_value(chosen) AS ref_chosen_logps, any_value(rejected) AS ref_rejected_logps FROM before ' +
        'GROUP BY pair',
    );
  });
}

/** The cards of all jobs. Errors: PAIRS_MODELS_UNFINISHED. */
async function readCards(run: Run, plan: ModelsPlan): Promise<TrainingCard[]> {
  const cards: TrainingCard[] = [];
  const problems: string[] = [];
  for (const { name } of plan.jobs) {
    const found = await readDone(join(run.files.training, name));
    if (typeof found === 'string') problems.push(`${name} ${found}`);
    else cards.push(found);
  }
  if (problems.length > 0) throw fail('PAIRS_MODELS_UNFINISHED', { name: plan.name, problems });
  return cards;
}

/** A job's card, or why it has none that can be used. */
async function readDone(folder: string): Promise<TrainingCard | string> {
  try {
    const read = await readJob(folder);
    if (read === undefined) return 'is gone';
    const card = await readCard(folder, read);
    if (card === undefined) {
      const found = await readJobState(folder);
      const state = found?.state === 'waiting' ? 'has not started' : `is ${found?.state ?? 'gone'}`;
      const problem = found?.problem ?? null;
      return problem === null ? state : `${state} (${problem})`;
    }
    if ((await sha256File(join(folder, resultFile))) !== card.result.sha256)
      return `has another ${resultFile} than the worker wrote`;
    return card;
  } catch (error) {
    if (!(error instanceof BetrError)) throw error;
    return `cannot be read: ${reasonOf(error)}`;
  }
}

/**
 * Fills the tables `judged` (pair, model, step, margin) and `outside` (pair, reason: what kept a model from judging).
 * Only the pairs that a model did not learn from count, whatever its result has.
 */
async function loadResults(
  connection: DuckDBConnection,
  run: Run,
  set: PairSet,
  plan: ModelsPlan,
): Promise<{ cutOnBoth: number; steps: number[] }> {
  await connection.run('CREATE TABLE judged (pair BIGINT, model VARCHAR, step BIGINT, margin DOUBLE)');
  await connection.run('CREATE TABLE outside (pair BIGINT, reason VARCHAR)');
  await connection.run('CREATE TABLE cut (pair BIGINT)');
  await connection.run('CREATE TABLE before (pair BIGINT, chosen DOUBLE, rejected DOUBLE)');
  for (const { name, split, half } of plan.jobs) {
    const rows =
      `SELECT pairs.pair, result.* FROM ${parquetSource(join(run.files.training, name, resultFile))} AS result ` +
      `JOIN ${pairTable(set)} AS pairs USING (id)`;
    await connection.run(`
      CREATE OR REPLACE TEMP TABLE held AS SELECT * FROM (${rows}) WHERE input = 'held' AND pair NOT IN (
        SELECT pair FROM (${rows}) WHERE input = 'pairs' AND left_out IS NULL)`);
    await connection.run(`
      INSERT INTO judged SELECT pair, ${sqlString(`${split}${half === 0 ? 'a' : 'b'}`)}, step, margin FROM held
      WHERE step > 0 AND left_out IS NULL AND isfinite(margin)`);
    await connection.run(`
      INSERT INTO outside SELECT pair, coalesce(left_out, CASE
        WHEN chosen_cut <> rejected_cut THEN 'one answer is cut at the end of the context'
        WHEN NOT isfinite(margin) THEN 'its margin is not a number' END) AS reason
      FROM held WHERE reason IS NOT NULL`);
    await connection.run(
      'INSERT INTO before SELECT pair, ref_chosen, ref_rejected FROM held WHERE step = 0 AND left_out IS NULL',
    );
    await connection.run('INSERT INTO cut SELECT pair FROM held WHERE chosen_cut AND rejected_cut');
  }
  const [counts] = await queryRows(
    connection,
    `SELECT (SELECT count(DISTINCT pair) FROM cut)::INTEGER AS "cutOnBoth",
      (SELECT coalesce(list(DISTINCT step::INTEGER ORDER BY step::INTEGER), []) FROM judged) AS steps`,
    z.object({ cutOnBoth: z.number(), steps: sqlList(z.number()) }),
  );
  return counts ?? { cutOnBoth: 0, steps: [] };
}

/** SQL of pairs without a difficulty, with the reason: said by a model, or that models are missing. */
function sqlUnknown({ card }: PairSet, part = Infinity): string {
  const unseen =
    part < card.pairs ? `WHEN any_value(models) IS NULL THEN 'not in the part that was measured'` : '';
  return `
    SELECT range AS pair, coalesce(min(reason), CASE ${unseen} WHEN coalesce(any_value(models), 0) < ${splitCount}
      OR any_value(lacking) THEN 'some models did not judge it' END) AS reason
    FROM range(${card.pairs})
    LEFT JOIN outside ON outside.pair = range
    LEFT JOIN (
      SELECT pair, count(*) AS models, bool_or(steps < points) AS lacking FROM (
        SELECT pair, model, count(DISTINCT step) AS steps FROM judged GROUP BY ALL)
      JOIN (SELECT model, count(DISTINCT step) AS points FROM judged GROUP BY model) USING (model)
      GROUP BY pair
    ) AS counted ON counted.pair = range
    GROUP BY range HAVING reason IS NOT NULL`;
}
