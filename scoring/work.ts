// A worker: scores one chunk of the plan after another, each under a lease, until none is left. Any number of
// workers, on any machines that share the run folder, may start, stop and crash. Promises: a chunk of a lost
// worker is taken over; a chunk that two workers score is published once.

import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { type ErrorData, errorData, fail } from '../run/errors/errors.ts';
import { rankCommandOf, type Run } from '../run/run.ts';
import { type Plan, readScoring } from './plan.ts';
import type { Task } from './tasks.ts';
import { openOwnManifest } from './published.ts';
import { type Claim, openQueue } from './queue.ts';
import { openConnections, scoreChunk, type ScoringContext } from './score-chunk.ts';
import { openScorer } from './scorers/list.ts';
import { isOfShard, findProblems } from './work-problems.ts';

export interface WorkOptions {
  /**
   * Wait until every chunk is published, because other workers may give up theirs. Otherwise stop when no
   * chunk is free.
   */
  wait: boolean;
  /**
   * Stops the worker: it finishes the current part if that takes at most `graceMs`, and gives the chunk back.
   */
  signal?: AbortSignal | undefined;
  graceMs?: number | undefined;
  onProgress?: ((documents: number, textBytes: number) => void) | undefined;
  /** This worker has completed a chunk. */
  onChunk?: ((task: Task) => void) | undefined;
  /** It has been waiting for a while for this many chunks of other workers. */
  onWait?: ((chunks: number) => void) | undefined;
}

export interface WorkResult {
  chunks: number;
  parts: number;
  /** Scored by this worker, whether or not it published them. */
  documents: number;
  /** Of these, documents whose answers a model had given before (`CorpusScorer.countStored`). */
  stored: number;
  textBytes: number;
  seconds: number;
  /** Size of the parts it published, and peak memory of a single process. */
  diskBytes: number;
  memoryBytes: number;
  /** One error for each shard that could not be scored. */
  problems: ErrorData[];
  /** Whether only chunks with problems are left. */
  finished: boolean;
}

/** The result of no work. */
export function emptyResult(): WorkResult {
  return {
    chunks: 0,
    parts: 0,
    documents: 0,
    stored: 0,
    textBytes: 0,
    seconds: 0,
    diskBytes: 0,
    memoryBytes: 0,
    problems: [],
    finished: false,
  };
}

/** How long a worker waits before it reports that it waits: other workers often finish sooner. */
const patientMs = 5000;

/**
 * Works on the plan. Problems of a shard affect only its chunks or pack and are in the result. Errors:
 * STEP_MISSING, DISK_FULL, WRITE_FAILED.
 */
export async function workOnPlan(run: Run, plan: Plan, options: WorkOptions): Promise<WorkResult> {
  const startedMs = performance.now();
  const result = emptyResult();
  const pollMs = Math.min(1000, 500 * run.settings.scoring.beatSeconds);
  const queue = await openQueue(run, plan);
  const badShards = new Set<string>();
  let busyMs = startedMs;
  let scoring: Scoring | undefined;
  try {
    while (options.signal?.aborted !== true) {
      const claim = await queue.claim(badShards);
      if (claim === undefined) {
        result.finished = queue.countLeft() === 0;
        if (result.finished || !options.wait) break;
        if (performance.now() - busyMs > patientMs) options.onWait?.(queue.countLeft());
        await setTimeout(pollMs, undefined, { signal: options.signal }).catch(() => undefined);
        continue;
      }
      try {
        scoring ??= await openScoring(run, plan);
        if (!(await scoreClaim(claim, scoring, options, result))) queue.leave(claim.task);
      } catch (error) {
        if (!isOfShard(error)) throw error;
        for (const [shard, problem] of await findProblems(claim.task, scoring?.context, error)) {
          badShards.add(shard);
          result.problems.push(errorData(problem));
        }
      } finally {
        await claim.lease.release();
        busyMs = performance.now();
      }
    }
  } finally {
    result.stored = scoring?.context.scorer.countStored?.() ?? 0;
    await scoring?.close();
  }
  result.seconds = (performance.now() - startedMs) / 1000;
  result.memoryBytes = process.resourceUsage().maxRSS * 1024;
  return result;
}

interface Scoring {
  context: ScoringContext;
  publish: ReturnType<typeof openOwnManifest>;
  close(): Promise<void>;
}

/**
 * Opens the scorer of the plan. It may have been replaced since the plan was read. Errors: PLAN_STALE, those
 * of reading it.
 */
async function openScoring(run: Run, plan: Plan): Promise<Scoring> {
  const { prepared, rates, fingerprint } = await readScoring(run);
  if (fingerprint !== plan.scorer)
    throw fail('PLAN_STALE', { path: run.files.plan, command: rankCommandOf(run) });
  const scorer = await openScorer(run, prepared);
  const spill = join(run.files.leases, `${randomBytes(8).toString('hex')}.spill`);
  const { close, ...connections } = await openConnections(spill);
  const context = {
    scorer,
    rates,
    fields: run.settings.corpus.fields,
    folder: run.files.scores,
    quarantine: run.files.quarantine,
    ...connections,
  };
  return {
    context,
    publish: openOwnManifest(run),
    async close() {
      close();
      await scorer.close?.();
      await rm(spill, { recursive: true, force: true });
    },
  };
}

/** Scores the rest of a task and publishes its parts one by one. Returns whether the task is complete. */
async function scoreClaim(
  { task, published, lease }: Claim,
  { context, publish }: Scoring,
  options: WorkOptions,
  result: WorkResult,
): Promise<boolean> {
  let stopAtMs = Infinity;
  const shouldContinue = (): boolean => {
    if (options.signal?.aborted === true && stopAtMs === Infinity)
      stopAtMs = performance.now() + (options.graceMs ?? 0);
    return !lease.isLost() && performance.now() < stopAtMs;
  };
  const parts = scoreChunk(task, published, context, (documents, textBytes) => {
    result.documents += documents;
    result.textBytes += textBytes;
    options.onProgress?.(documents, textBytes);
    return shouldContinue();
  });
  for await (const part of parts) {
    await publish(part);
    result.parts++;
    result.diskBytes += part.bytes;
    if (part.ends !== 'part') {
      result.chunks++;
      options.onChunk?.(task);
      return true;
    }
    if (options.signal?.aborted === true) break;
  }
  return false;
}
