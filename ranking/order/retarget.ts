// Makes a ranking by chosen benchmarks from the published one: the same documents, each with its best corpus
// percentile among the benchmarks as its score. It is cached in the run's folder as one Parquet file and a
// card (ranking/order/retargeted-files.ts).

import { setImmediate } from 'node:timers/promises';
import type { DuckDBAppender } from '@duckdb/node-api';
import { DuckDBDataChunk, FLOAT, USMALLINT } from '../../data/duckdb/library.ts';
import { z } from 'zod';
import { commitFile, commitSealedJson, readSealedJson } from '../../data/files/commit.ts';
import { writeNumbers } from '../../data/duckdb/columns.ts';
import { sqlString } from '../../data/duckdb/duckdb.ts';
import { BetrError, fail } from '../../run/errors/errors.ts';
import { sha256File } from '../../data/files/hash-files.ts';
import type { Run } from '../../run/run.ts';
import { type Combined, combineScores } from './combine.ts';
import { type ChosenScores, type Ranking, rankingSchema } from '../generation.ts';
import { histogramOf, type Order, readOrder } from './order.ts';
import { orderScores } from './sort-scores.ts';
import { holdRetargeted, removeUnheld, retargetedFiles } from './retargeted-files.ts';
import { withRunDatabase } from '../../data/duckdb/run-database.ts';

const rowsPerDataChunk = 2048;
const rowsPerTurn = 512 * rowsPerDataChunk;

const cardSchema = z.strictObject({
  generation: z.string(),
  benchmarks: z.array(z.string()),
  /** Of the Parquet file. */
  scoresSha256: z.string(),
  histogram: rankingSchema.shape.histogram,
});

export interface Choice {
  benchmarks?: readonly string[] | undefined;
  without?: readonly string[] | undefined;
}

/**
 * The benchmarks that a choice leaves, in the order of the ranking's outputs; undefined if nothing is chosen.
 * Errors: BENCHMARK_UNKNOWN; OPTION_INVALID if none is left or both ways of choosing are used.
 */
export function chooseBenchmarks(ranking: Ranking, { benchmarks, without }: Choice): string[] | undefined {
  if (benchmarks === undefined && without === undefined) return undefined;
  if (benchmarks !== undefined && without !== undefined)
    throw fail('OPTION_INVALID', {
      option: 'without',
      got: without.join(','),
      allowed: 'left out if benchmarks are given',
    });
  const known = ranking.scorer.outputs.slice(1);
  const unknown = [...(benchmarks ?? []), ...(without ?? [])].find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw fail('BENCHMARK_UNKNOWN', { got: unknown.slice(0, 100), known: known.join(', ') });
  const chosen = known.filter((name) => benchmarks?.includes(name) ?? !without?.includes(name));
  if (chosen.length === 0)
    throw fail('OPTION_INVALID', {
      option: 'without',
      got: (without ?? []).join(','),
      allowed: 'some of the benchmarks, not all',
    });
  return chosen;
}

/**
 * The ranking for a choice: the published one, or one by the chosen benchmarks, made unless it is cached and
 * held until the process ends. Errors: those of `chooseBenchmarks` and `withScores`.
 */
export async function retargetRanking(run: Run, ranking: Ranking, choice: Choice): Promise<Ranking> {
  const benchmarks = chooseBenchmarks(ranking, choice);
  if (benchmarks === undefined) return ranking;
  await holdRetargeted(run, ranking, benchmarks);
  const kept = await readRetargeted(run, ranking, benchmarks);
  if (kept !== undefined) return kept;
  const combined = await combineScores(run, ranking, benchmarks);
  // Only the histogram needs the tokens.
  const { tokens } = await readOrder(run, ranking);
  return writeRetargeted(run, ranking, benchmarks, combined, orderScores(combined.scores, tokens));
}

/**
 * A cached ranking by benchmarks; undefined if there is none, or if either of its files is damaged: they are
 * only a cache, so they are made again. Errors: FILE_UNREADABLE.
 */
export async function readRetargeted(
  run: Run,
  ranking: Ranking,
  benchmarks: string[],
): Promise<Ranking | undefined> {
  const { card, scores } = retargetedFiles(run, ranking, benchmarks);
  try {
    const kept = await readSealedJson(card, cardSchema, 'betr cutoff');
    const sha256 = await sha256File(scores).catch(() => undefined);
    if (kept === undefined || sha256 !== kept.scoresSha256) return undefined;
    return { ...ranking, histogram: kept.histogram, chosen: { benchmarks, path: scores } };
  } catch (error) {
    if (error instanceof BetrError && error.code === 'FILE_DAMAGED') return undefined;
    throw error;
  }
}

/** Writes a ranking by benchmarks, until the signal aborts. Errors: DISK_FULL, WRITE_FAILED. */
export async function writeRetargeted(
  run: Run,
  ranking: Ranking,
  benchmarks: string[],
  combined: Combined,
  order: Order,
  signal?: AbortSignal,
): Promise<Ranking> {
  const { card, scores } = retargetedFiles(run, ranking, benchmarks);
  const histogram = histogramOf(order);
  await commitFile(scores, (temporary) => writeColumns(run, combined, temporary, signal));
  await commitSealedJson(card, {
    generation: ranking.generation,
    benchmarks,
    scoresSha256: await sha256File(scores),
    histogram,
  });
  await removeUnheld(run, ranking);
  return { ...ranking, histogram, chosen: { benchmarks, path: scores } };
}

/** The location of the scores by chosen benchmarks, whether or not they are written yet. */
export function chosenScores(run: Run, ranking: Ranking, benchmarks: string[]): ChosenScores {
  return { benchmarks, path: retargetedFiles(run, ranking, benchmarks).scores };
}

async function writeColumns(
  run: Run,
  { scores, winners }: Combined,
  path: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  await withRunDatabase(run, async (connection) => {
    const interrupt = (): void => connection.interrupt();
    signal?.addEventListener('abort', interrupt);
    try {
      await connection.run('CREATE TEMP TABLE target (score FLOAT, winner USMALLINT)');
      const appender = await connection.createAppender('target');
      for (let start = 0; start < scores.length; start += rowsPerDataChunk) {
        appendRows(
          appender,
          scores.subarray(start, start + rowsPerDataChunk),
          winners.subarray(start, start + rowsPerDataChunk),
        );
        // Lets the event loop deliver an abort.
        if (start % rowsPerTurn === 0) await setImmediate();
        signal?.throwIfAborted();
      }
      appender.closeSync();
      await connection.run(`COPY target TO ${sqlString(path)} (FORMAT parquet, COMPRESSION zstd)`);
    } finally {
      signal?.removeEventListener('abort', interrupt);
    }
  });
}

function appendRows(appender: DuckDBAppender, scores: Float32Array, winners: Uint16Array): void {
  const chunk = DuckDBDataChunk.create([FLOAT, USMALLINT], scores.length);
  writeNumbers(chunk, 0, scores);
  writeNumbers(chunk, 1, winners);
  appender.appendDataChunk(chunk);
}
