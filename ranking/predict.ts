// What ranking the corpus will take and come to, from probes of about one part in a hundred of it; and beside
// it, afterwards, what it took and came to. run/prediction.json.

import { rm, statfs } from 'node:fs/promises';
import { z } from 'zod';
import { type Sums, openSums } from '../scoring/sums.ts';
import { binFloor } from '../scoring/part.ts';
import { isSmall } from '../scoring/packs.ts';
import { fingerprintCorpus, listTasks, outlinePlan, packFresh, shardsOfTasks } from '../scoring/plan.ts';
import { type Probe, type Probes, probeShards } from '../scoring/probe.ts';
import { readCards, readPublishedParts } from '../scoring/published.ts';
import { type CorpusScores, listOpenTasks } from '../scoring/score-corpus.ts';
import { countWorkers } from '../scoring/workers.ts';
import { commitSealedJson, readSealedJson } from '../data/files/commit.ts';
import type { Report } from '../run/progress.ts';
import type { Run } from '../run/run.ts';
import type { Settings } from '../run/settings.ts';
import { isCompressed } from '../data/shards.ts';
import { readLaw } from './budget/calibrations.ts';
import { binAt, rateOf } from './drift.ts';
import type { Ranking } from './generation.ts';
import type { Law } from './budget/laws.ts';

const amount = z.number().nonnegative();

const forecastSchema = z.strictObject({
  /** Of what this ranking scores. */
  seconds: amount,
  /** Of the largest worker. */
  memoryBytes: amount,
  /** That it writes. */
  diskBytes: amount,
  /** Of the whole corpus, scored before or now. */
  documents: amount,
  tokens: amount,
  budgets: z.array(
    z.strictObject({ flops: amount, rate: amount, tokens: amount, score: z.number().nullable() }),
  ),
});
export type Forecast = z.output<typeof forecastSchema>;

export const predictionSchema = z.strictObject({
  predictedAt: z.iso.datetime(),
  /** Names the corpus and classifier that it is about. */
  corpus: z.string(),
  workers: z.number().int().positive(),
  /** What is to be scored: shards, bytes of files; and how much text was looked at, in so many places. */
  shards: amount,
  fileBytes: amount,
  probes: amount,
  probedBytes: amount,
  /** Standard error of the tokens, as a part of them: what the places looked at differ by. */
  standardError: amount,
  freeDiskBytes: amount,
  /** Whether there are compressed files, of which the beginning stands for all. */
  byBeginnings: z.boolean().default(false),
  /**
   * Whether documents bring no token counts of their own, so that tokens are estimates beyond what a
   * prediction is.
   */
  tokensEstimated: z.boolean().default(false),
  predicted: forecastSchema,
  /** Once the corpus is ranked; seconds and memory are 0 where it was not scored in one go. */
  actual: forecastSchema.nullable(),
});
export type Prediction = z.output<typeof predictionSchema>;

/** Rows of a part in memory, about: the strings and numbers that are written of a document. */
const bytesOfRow = 150;

/**
 * Looks at about 1 % of what is to be scored and writes down what ranking will take and come to. Errors:
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
  const { probes, bytesPerSecond, secondsPerChunk, secondsPerShard }: Probes =
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
    chunks,
    shards: shards.length,
    textBytes: probes.reduce(
      (sum, { part, standsFor, fileBytes }) => sum + (standsFor / fileBytes) * part.textBytes,
      0,
    ),
  });
  const { bavail, bsize } = await statfs(run.folder);
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
    predicted: makeForecast(
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
    ),
    actual: null,
  };
  await commitSealedJson(run.files.prediction, prediction);
  return prediction;
}

/** What is scored already of the corpus. */
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

interface Work {
  bytesPerSecond: Probes['bytesPerSecond'];
  /** What chunks, packs and the packs' shards take beside their text. */
  chunkSeconds: number;
  workers: number;
  chunkBytes: number;
}

function makeForecast(
  probes: readonly Probe[],
  scored: Sums,
  { bytesPerSecond, chunkSeconds, workers, chunkBytes }: Work,
  keep: Settings['keep'],
  law: Law,
): Forecast {
  const scale = ({ standsFor, fileBytes }: Probe): number => standsFor / fileBytes;
  const sum = (value: (probe: Probe) => number): number =>
    probes.reduce((total, probe) => total + scale(probe) * value(probe), 0);
  const figures = openSums();
  figures.add(scored);
  for (const probe of probes) {
    const times = scale(probe);
    figures.add({
      sources: [],
      histogram: probe.part.histogram.map(([bin, d, t]) => [bin, times * d, times * t]),
    });
  }
  const documentsPerByte =
    sum(({ part }) => part.documents) /
    Math.max(
      1,
      sum(({ part }) => part.textBytes),
    );
  return {
    seconds:
      (sum(({ part, format }) => part.textBytes / (bytesPerSecond.get(format) ?? Infinity)) + chunkSeconds) /
      workers,
    memoryBytes: process.resourceUsage().maxRSS * 1024 + documentsPerByte * chunkBytes * bytesOfRow,
    diskBytes: Math.round(sum(({ writtenBytes }) => writtenBytes)),
    ...countKept(figures.result(), keep, law),
  };
}

/** Standard error of the tokens by the differences between probes, as a part of the tokens. */
function standardErrorOf(probes: readonly Probe[]): number {
  const estimates = probes.map(({ part, standsFor, fileBytes }) => (part.tokens * standsFor) / fileBytes);
  const mean = estimates.reduce((sum, one) => sum + one, 0) / estimates.length;
  if (estimates.length < 2 || mean === 0) return 0;
  const variance = estimates.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (estimates.length - 1);
  return Math.sqrt(variance / estimates.length) / mean;
}

function countKept(
  { documents, tokens, histogram }: Sums,
  keep: Settings['keep'],
  law: Law,
): Pick<Forecast, 'documents' | 'tokens' | 'budgets'> {
  const budgets = keep.budgets.map((flops) => {
    const rate = tokens === 0 ? 0 : rateOf(flops, tokens, keep, law);
    return {
      flops,
      rate,
      tokens: Math.round(rate * tokens),
      score: histogram.length === 0 ? null : binFloor(binAt(histogram, rate * tokens)),
    };
  });
  return { documents: Math.round(documents), tokens: Math.round(tokens), budgets };
}

/** What the last dry run predicted; undefined where there was none. Errors: FILE_DAMAGED, FILE_UNREADABLE. */
export function readPrediction(run: Run): Promise<Prediction | undefined> {
  return readSealedJson(run.files.prediction, predictionSchema, 'betr rank --dry-run');
}

/**
 * Puts the real figures beside the prediction of this very corpus, once, and returns both; undefined where
 * nothing was predicted of it. Errors: FILE_DAMAGED, DISK_FULL, WRITE_FAILED.
 */
export async function compareWithPrediction(
  run: Run,
  ranking: Ranking,
  scores: CorpusScores,
): Promise<Prediction | undefined> {
  // What cannot be read any more was only for people, and keeps nobody from ranking.
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
