// Predicts the cost and the result of ranking the corpus from probes of about 1% of it, and afterwards
// records the actual values beside the prediction. Written to run/prediction.json.

import { rm, statfs } from 'node:fs/promises';
import { z } from 'zod';
import { amount } from '../run/schemas.ts';
import { type Sums, openSums } from '../scoring/sums.ts';
import { type Cost, costOf, costSchema } from '../scoring/cost.ts';
import { isSmall } from '../scoring/packs.ts';
import { fingerprintCorpus } from '../scoring/plan.ts';
import { outlinePlan, packFresh } from '../scoring/make-plan.ts';
import { listTasks, shardsOfTasks } from '../scoring/tasks.ts';
import { type Probe, type Probes, probeShards } from '../scoring/probe.ts';
import { readPublishedParts } from '../scoring/published.ts';
import { readCards } from '../scoring/cards.ts';
import { type CorpusScores } from '../scoring/score-corpus.ts';
import { listOpenTasks } from '../scoring/open-tasks.ts';
import type { Measured } from '../scoring/scorers/kind.ts';
import { countWorkers } from '../scoring/workers.ts';
import { commitSealedJson, readSealedJson } from '../data/files/commit.ts';
import type { Report } from '../run/progress.ts';
import type { Run } from '../run/run.ts';
import { isCompressed } from '../data/shards.ts';
import { readLaw } from './budget/calibrations.ts';
import type { Ranking } from './generation.ts';
import { type Forecast, forecastSchema, makeForecast, standardErrorOf, countKept } from './forecast.ts';

export const predictionSchema = z.strictObject({
  predictedAt: z.iso.datetime(),
  /** Fingerprint of the corpus and the classifier. */
  corpus: z.string(),
  workers: z.number().int().positive(),
  /** What is to be scored (shards, file bytes), and how much text was probed in how many places. */
  shards: amount,
  fileBytes: amount,
  probes: amount,
  probedBytes: amount,
  /** Relative standard error of the tokens, from the differences between the probes. */
  standardError: amount,
  freeDiskBytes: amount,
  /** Whether there are compressed files, which are probed at the beginning only. */
  byBeginnings: z.boolean().default(false),
  /** Whether documents have no token counts, so that tokens are estimates even after ranking. */
  tokensEstimated: z.boolean().default(false),
  predicted: forecastSchema,
  /** What a slow scorer takes for the documents that are to be scored. */
  cost: costSchema.optional(),
  /** Set once the corpus is ranked; seconds and memory are 0 if it was not scored in one run. */
  actual: forecastSchema.nullable(),
});
export type Prediction = z.output<typeof predictionSchema>;

/**
 * Probes about 1% of what is to be scored and writes the predicted cost and result of ranking. Errors:
 * STEP_MISSING, those of reading the corpus.
 */
export async function predictRanking(run: Run, report: Report): Promise<Prediction> {
  const { known, fresh } = await outlinePlan(run);
  const tasks = listTasks(run, known);
  const { open } = await listOpenTasks(run, tasks);
  const shards = [...fresh, ...shardsOfTasks(open)];
  const names = new Set(shards.map(({ name }) => name));
  const scored = await addUpScored(
    run,
    tasks.filter(({ pieces }) => !pieces.some(({ shard }) => names.has(shard.name))).map(({ name }) => name),
  );
  const { probes, bytesPerSecond, secondsPerChunk, secondsPerShard, measured }: Probes =
    shards.length === 0
      ? { probes: [], bytesPerSecond: new Map(), secondsPerChunk: 0, secondsPerShard: 0 }
      : await probeShards(run, shards, known.chunkBytes, report);
  const packed = packFresh({ ...known, shards: [] }, shards);
  const packs = new Set(packed.map(({ pack }) => pack)).size;
  const chunks =
    packs +
    shards.reduce(
      (sum, shard) =>
        isSmall(shard, known.chunkBytes) ? sum : sum + Math.max(1, shard.bytes / known.chunkBytes),
      0,
    );
  const workers = countWorkers(run, {
    slow: measured !== undefined,
    chunks,
    shards: shards.length,
    textBytes: probes.reduce(
      (sum, { part, standsFor, fileBytes }) => sum + (standsFor / fileBytes) * part.textBytes,
      0,
    ),
  });
  const { bavail, bsize } = await statfs(run.folder);
  const cost = measured === undefined ? undefined : await estimateCost(run, known.scorer, measured, probes);
  const forecast = makeForecast(
    probes,
    scored,
    {
      bytesPerSecond,
      chunkSeconds: chunks * secondsPerChunk + (packed.length - packs) * secondsPerShard,
      workers,
      chunkBytes: known.chunkBytes,
    },
    run.settings.keep,
    await readLaw(run, run.settings.keep.pool),
  );
  const prediction: Prediction = {
    predictedAt: new Date().toISOString(),
    corpus: fingerprintCorpus(known, [...known.shards, ...fresh]),
    workers,
    shards: shards.length,
    fileBytes: shards.reduce((sum, { bytes }) => sum + bytes, 0),
    probes: probes.length,
    probedBytes: probes.reduce((sum, { part }) => sum + part.textBytes, 0),
    standardError: standardErrorOf(probes),
    freeDiskBytes: bavail * bsize,
    byBeginnings: shards.some(({ format }) => isCompressed(format)),
    tokensEstimated: probes.some(({ part }) => part.estimatedDocuments > 0),
    predicted: cost === undefined ? forecast : withCost(forecast, cost, workers),
    ...(cost === undefined ? {} : { cost }),
    actual: null,
  };
  await commitSealedJson(run.files.prediction, prediction);
  return prediction;
}

/**
 * What scoring the rest costs. If the answers about all measured documents were stored, an earlier measurement
 * is used.
 */
async function estimateCost(
  run: Run,
  scorer: string,
  now: Measured,
  probes: readonly Probe[],
): Promise<Cost> {
  const before = (await readPrediction(run).catch(() => undefined))?.cost;
  const measured =
    now.documents === 0 && before?.scorer === scorer ? { ...before.measured, price: now.price } : now;
  const documents = probes.reduce(
    (sum, { part, standsFor, fileBytes }) => sum + (standsFor / fileBytes) * part.documents,
    0,
  );
  return costOf(scorer, measured, documents);
}

/** The forecast for a slow scorer: its probes have no scores, and hence no cutoff. */
function withCost(forecast: Forecast, { seconds }: Cost, workers: number): Forecast {
  return {
    ...forecast,
    seconds: forecast.seconds + seconds / workers,
    budgets: forecast.budgets.map((budget) => ({ ...budget, score: null })),
  };
}

/** The totals of what is already scored. */
async function addUpScored(run: Run, chunks: readonly string[]): Promise<Sums> {
  const { byChunk } = await readPublishedParts(run);
  const figures = openSums();
  for await (const part of readCards(
    run.files.scores,
    chunks.flatMap((name) => byChunk.get(name) ?? []),
  ))
    figures.add(part);
  return figures.result();
}

/** The last dry run's prediction; undefined if there was none. Errors: FILE_DAMAGED, FILE_UNREADABLE. */
export function readPrediction(run: Run): Promise<Prediction | undefined> {
  return readSealedJson(run.files.prediction, predictionSchema, 'betr rank --dry-run');
}

/**
 * Adds the actual values to the prediction for this corpus, once, and returns both; undefined without a
 * prediction for it. Errors: FILE_DAMAGED, DISK_FULL, WRITE_FAILED.
 */
export async function compareWithPrediction(
  run: Run,
  ranking: Ranking,
  scores: CorpusScores,
): Promise<Prediction | undefined> {
  // A prediction is only informative: an unreadable one must not stop a ranking.
  const prediction = await readPrediction(run).catch(() =>
    rm(run.files.prediction, { force: true }).then(() => undefined),
  );
  if (prediction === undefined || prediction.actual !== null || prediction.shards === 0) return undefined;
  const { known, fresh } = await outlinePlan(run);
  if (prediction.corpus !== fingerprintCorpus(known, [...known.shards, ...fresh])) return undefined;
  const inOneGo = scores.shardsScored >= prediction.shards;
  const actual = {
    seconds: inOneGo ? scores.seconds : 0,
    memoryBytes: inOneGo ? scores.memoryBytes : 0,
    diskBytes: scores.diskBytes,
    ...countKept(ranking, run.settings.keep, await readLaw(run, run.settings.keep.pool)),
  };
  const compared = { ...prediction, actual };
  await commitSealedJson(run.files.prediction, compared);
  return compared;
}
