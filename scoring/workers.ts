// Several workers on this machine: this process and child processes. If a child runs out of memory or is
// killed, the others continue.

import { availableParallelism } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import type { Run } from '../run/run.ts';
import { bindToCores, listCores } from './cores.ts';
import type { Plan } from './plan.ts';
import { workOnPlan, type WorkOptions, type WorkResult } from './work.ts';
import { type Listener, runProcesses, stuckMs, untilAllEnd } from './worker-processes.ts';

/** Scoring less text than this takes no longer than starting a process. */
const textBytesPerWorker = 128e6;

/** The fixed cost of a chunk (7 ms for lease, files and manifest line), as bytes of text. */
const textBytesPerChunk = 1e6;

/** The fixed cost of a shard in a pack, which is opened and read separately, as bytes of text. */
const textBytesPerShard = 1e5;

/**
 * The number of processes for this much work (`textBytes` is an estimate): that of the settings, or one per
 * core if there is enough to do, or one for a slow scorer.
 */
export function countWorkers(
  { settings }: Run,
  { chunks, shards, textBytes, slow }: { chunks: number; shards: number; textBytes: number; slow: boolean },
): number {
  const all = textBytes + chunks * textBytesPerChunk + shards * textBytesPerShard;
  const enough = slow ? 1 : Math.min(availableParallelism(), Math.ceil(all / textBytesPerWorker));
  const most = settings.workers ?? enough;
  return Math.max(1, Math.min(most, Math.ceil(chunks)));
}

type Options = Listener & Pick<WorkOptions, 'wait' | 'signal' | 'graceMs'> & { count: number; slow: boolean };

/**
 * Works on the plan with `count` processes, including this one, and then does what is left: chunks of lost
 * workers, here or on other machines. Errors: WORKERS_LOST, those of `workOnPlan`.
 */
export async function runWorkers(run: Run, plan: Plan, options: Options): Promise<WorkResult> {
  const startedMs = performance.now();
  const results = options.count > 1 ? await workTogether(run, plan, options) : [];
  const problems = results.flatMap((result) => result.problems);
  // A shard with a problem would fail again.
  const rest = problems.length > 0 ? [] : [await workOnPlan(run, plan, options)];
  const all = [...results, ...rest].reduce((sum, result) => ({
    chunks: sum.chunks + result.chunks,
    parts: sum.parts + result.parts,
    documents: sum.documents + result.documents,
    stored: sum.stored + result.stored,
    textBytes: sum.textBytes + result.textBytes,
    seconds: result.seconds,
    diskBytes: sum.diskBytes + result.diskBytes,
    memoryBytes: Math.max(sum.memoryBytes, result.memoryBytes),
    problems: [...sum.problems, ...result.problems],
    finished: result.finished,
  }));
  return { ...all, seconds: (performance.now() - startedMs) / 1000 };
}

/**
 * This process works next to the others. If there are as many processes as cores, each gets its own core,
 * which keeps the data that a worker's threads exchange in one cache. A slow scorer has threads for all cores.
 */
async function workTogether(run: Run, plan: Plan, options: Options): Promise<WorkResult[]> {
  const cores = options.slow ? [] : listCores();
  const [own, ...others] = cores.length === options.count ? cores : [];
  const [stop, abandon] = [new AbortController(), new AbortController()];
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);
  if (own !== undefined) bindToCores(process.pid, [own]);
  try {
    const processes = runProcesses(
      run,
      { ...options, signal, count: options.count - 1 },
      others,
      abandon.signal,
    );
    const work = [processes, workBeside(run, plan, { ...options, signal }, processes, abandon)];
    return await untilAllEnd(work, () => stop.abort());
  } finally {
    if (own !== undefined) bindToCores(process.pid, cores);
  }
}

/**
 * Works until no chunk is free, and then on chunks that the processes lose. A process that still runs when no
 * chunk is left is stuck; it is abandoned after a while.
 */
async function workBeside(
  run: Run,
  plan: Plan,
  options: Options,
  processes: Promise<unknown>,
  abandon: AbortController,
): Promise<WorkResult[]> {
  const first = await workOnPlan(run, plan, { ...options, wait: false });
  if (!options.wait) return [first];
  const idle = new AbortController();
  const ended = processes
    .catch(() => undefined)
    .finally(() => {
      idle.abort();
    });
  const signal = AbortSignal.any([idle.signal, ...(options.signal === undefined ? [] : [options.signal])]);
  const then = await workOnPlan(run, plan, { ...options, signal, wait: true });
  if (then.finished) {
    await Promise.race([
      ended,
      setTimeout(stuckMs, undefined, { signal: idle.signal }).catch(() => undefined),
    ]);
    abandon.abort();
  }
  return [first, then];
}
