// Scores by chosen benchmarks: a document's best corpus percentile among them. The percentile is the share of
// all documents that score no higher for the benchmark (SQL's cume_dist), as a float32: 1 is the best, and
// equal scores have equal percentiles.

import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { z } from 'zod';
import { binCount } from '../../scoring/part.ts';
import { type ErrorData, errorFrom, fail, reasonOf } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import { type Best, type Named, rankSlice, type Slice, stopSlice, takeIfBest } from './combine-slice.ts';
import type { Shown } from './lay-bins.ts';
import type { Ranking } from '../generation.ts';
import { readRanks } from './saved-ranks.ts';

export interface Combined {
  /** By position: the best percentile, and the number of its benchmark in the list; the first of equals. */
  scores: Float32Array;
  winners: Uint16Array;
}

/** Fewer documents are not worth a thread. */
const documentsPerThread = 500_000;
const mostThreads = 4;

/**
 * Combines the scores of benchmarks, all of which the published ranking must have, with `threads` threads,
 * until the signal aborts. Errors: those of `rankDocuments`.
 */
export async function combineScores(
  run: Run,
  ranking: Ranking,
  benchmarks: readonly string[],
  options: { threads?: number | undefined; signal?: AbortSignal | undefined } = {},
): Promise<Combined> {
  const count = ranking.documents;
  const { ranks, winners } = await rankDocuments(run, ranking, benchmarks, options);
  const scores = new Float32Array(ranks.buffer);
  for (let position = 0; position < count; position++)
    scores[position] = (count - (ranks[position] ?? 0)) / count;
  return { scores, winners };
}

/**
 * Ranks the documents by each benchmark and keeps the best rank, until the signal aborts. Errors: those of
 * `withScores`.
 */
export async function rankDocuments(
  run: Run,
  ranking: Ranking,
  benchmarks: readonly string[],
  { threads, signal }: { threads?: number | undefined; signal?: AbortSignal | undefined } = {},
): Promise<Best> {
  const count = ranking.documents;
  const best = {
    ranks: new Uint32Array(new SharedArrayBuffer(4 * count)).fill(0xffff_ffff),
    winners: new Uint16Array(new SharedArrayBuffer(2 * count)),
  };
  const unranked: Named[] = [];
  for (const [number, name] of benchmarks.entries()) {
    const kept = await readRanks(run, ranking, name, (from, ranks) => {
      for (let i = 0; i < ranks.length; i++) takeIfBest(best, from + i, ranks[i] ?? 0, number);
    });
    // Wrong ranks may be among the best by now. The damaged file is gone, so start over.
    if (kept === 'damaged') return rankDocuments(run, ranking, benchmarks, { threads, signal });
    if (kept === 'missing') unranked.push({ name, number });
  }
  if (unranked.length === 0) return best;
  const slices = cutSlices(
    run,
    ranking,
    unranked,
    threads ?? threadsFor(run, ranking, unranked.length),
    best,
  );
  const [only] = slices;
  if (slices.length === 1 && only !== undefined) await rankSlice(only, signal);
  else await rankInThreads(slices, signal);
  return best;
}

/** For a single benchmark, threads cost twice the CPU time and gain nothing. */
function threadsFor({ settings }: Run, { documents }: Ranking, benchmarks: number): number {
  if (benchmarks === 1) return 1;
  return Math.max(
    1,
    Math.min(
      mostThreads,
      settings.workers ?? availableParallelism(),
      Math.floor(documents / documentsPerThread),
    ),
  );
}

/** Slices of about equal size in the order of the parts; at most one for each part. */
function cutSlices(
  run: Run,
  ranking: Ranking,
  benchmarks: readonly Named[],
  threads: number,
  whole: Best,
): Slice[] {
  const groups: Ranking['parts'][] = [];
  let before = 0;
  for (const part of ranking.parts) {
    const slice = Math.min(threads - 1, Math.floor((threads * before) / Math.max(1, ranking.documents)));
    (groups[slice] ??= []).push(part);
    before += part.documents;
  }
  const filled = groups.filter((group) => group.length > 0);
  const sizes = filled.map((group) => group.reduce((sum, { documents }) => sum + documents, 0));
  const shown = sizes.map((size): [Shown, Shown] => [shownOf(size), shownOf(size)]);
  const turns = new Int32Array(new SharedArrayBuffer(4));
  let from = 0;
  return filled.map((parts, index) => {
    const documents = sizes[index] ?? 0;
    const slice = {
      run,
      ranking: { ...ranking, parts },
      documents,
      benchmarks,
      index,
      shown,
      turns,
      ranks: whole.ranks.subarray(from, from + documents),
      winners: whole.winners.subarray(from, from + documents),
    };
    from += documents;
    return slice;
  });
}

function shownOf(documents: number): Shown {
  return {
    lows: new Uint16Array(new SharedArrayBuffer(2 * documents)),
    starts: new Uint32Array(new SharedArrayBuffer(4 * (binCount + 1))),
  };
}

const replySchema = z.union([
  z.object({ done: z.literal(true) }),
  z.object({ error: z.custom<ErrorData>((value) => typeof value === 'object' && value !== null) }),
]);

/**
 * Ranks each slice in its own thread. As they wait for each other, the first failure and an abort stop all.
 * They end by themselves: terminating a thread during a query aborts the process.
 */
async function rankInThreads(slices: readonly Slice[], signal?: AbortSignal): Promise<void> {
  const stop = (): void => slices.forEach(stopSlice);
  signal?.addEventListener('abort', stop);
  const failures: Error[] = [];
  const rank = (slice: Slice): Promise<void> =>
    new Promise((resolve) => {
      const failed = (error: Error): void => {
        failures.push(error);
        stop();
      };
      const lost = (reason: string): void =>
        failed(fail('INTERNAL', { reason: `a thread that combines scores ended: ${reason}` }));
      let isDone = false;
      new Worker(new URL('./combine-worker.js', import.meta.url), { workerData: slice })
        .on('message', (message: unknown) => {
          const reply = replySchema.parse(message);
          isDone = true;
          if ('error' in reply) failed(errorFrom(reply.error));
        })
        .on('error', (error) => lost(reasonOf(error)))
        .on('exit', (code) => {
          if (!isDone) lost(`code ${code}`);
          resolve();
        });
    });
  try {
    await Promise.all(slices.map(rank));
  } finally {
    signal?.removeEventListener('abort', stop);
  }
  signal?.throwIfAborted();
  if (failures[0] !== undefined) throw failures[0];
}
