// Several workers of this machine: this process, and others of their own, of which one that runs out of
// memory or is killed takes no other with it.

import { type ChildProcess, fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { type ErrorData, errorFrom, fail } from '../run/errors/errors.ts';
import { nodeEnvironment, nodeFlags } from '../data/files/process.ts';
import type { Run } from '../run/run.ts';
import { bindToCores, listCores } from './cores.ts';
import type { Plan, Task } from './plan.ts';
import { workOnPlan, type WorkOptions, type WorkResult } from './work.ts';

export interface Listener {
  onProgress: (documents: number, textBytes: number) => void;
  onChunk: (task: Pick<Task, 'weight'>) => void;
  onWait?: (chunks: number) => void;
}

/** What a worker process says. */
export type WorkerReply =
  | { kind: 'progress'; documents: number; textBytes: number }
  | { kind: 'chunk'; weight: number }
  | { kind: 'done'; result: WorkResult }
  | { kind: 'failed'; error: ErrorData };

/** Less text than this is scored by the time that a process of its own has started. */
const textBytesPerWorker = 128e6;

/** A chunk costs as much as so much text besides: its lease, its files, its line in the manifest (7 ms). */
const textBytesPerChunk = 1e6;

/** And a shard of a pack as much as this: it is looked up, opened and read by itself. */
const textBytesPerShard = 1e5;

/**
 * How many processes score so many chunks of so many shards with so much text (bytes, about): as the settings
 * say, or one for each core that there is enough to do for.
 */
export function countWorkers(
  { settings }: Run,
  { chunks, shards, textBytes }: { chunks: number; shards: number; textBytes: number },
): number {
  const all = textBytes + chunks * textBytesPerChunk + shards * textBytesPerShard;
  const most = settings.workers ?? Math.min(availableParallelism(), Math.ceil(all / textBytesPerWorker));
  return Math.max(1, Math.min(most, Math.ceil(chunks)));
}

type Options = Listener & Pick<WorkOptions, 'wait' | 'signal' | 'graceMs'> & { count: number };

/**
 * Works on the plan with `count` processes, of which this is one, and then does what the others leave: chunks
 * of workers that were lost, here or elsewhere. Errors: WORKERS_LOST, those of `workOnPlan`.
 */
export async function runWorkers(run: Run, plan: Plan, options: Options): Promise<WorkResult> {
  const startedMs = performance.now();
  const results = options.count > 1 ? await workTogether(run, plan, options) : [];
  const problems = results.flatMap((result) => result.problems);
  // A shard with a problem would have it again.
  const rest = problems.length > 0 ? [] : [await workOnPlan(run, plan, options)];
  const all = [...results, ...rest].reduce((sum, result) => ({
    chunks: sum.chunks + result.chunks,
    parts: sum.parts + result.parts,
    documents: sum.documents + result.documents,
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
 * This process works beside the others, each on a core of its own where they are as many as cores: what a
 * worker's threads hand each other stays in one cache then.
 */
async function workTogether(run: Run, plan: Plan, options: Options): Promise<WorkResult[]> {
  const cores = listCores();
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
 * The results of all. An error of one is told to the others by `stop`; they are waited for, as they have
 * leases to give back.
 */
async function untilAllEnd(work: readonly Promise<WorkResult[]>[], stop: () => void): Promise<WorkResult[]> {
  const ended = await Promise.allSettled(
    work.map((one) =>
      one.catch((error: unknown) => {
        stop();
        throw error;
      }),
    ),
  );
  return ended.flatMap((one) => {
    if (one.status === 'rejected') throw one.reason;
    return one.value;
  });
}

/**
 * Works until no chunk is free, and then on what the processes lose. Where none is left although a process
 * has not ended, it is stuck, and given up after a while.
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

/** A process that finds nothing to do ends in less. */
const stuckMs = 3000;

/**
 * Runs the processes until each finds no free chunk. One that is killed is replaced, up to a point; an error
 * of one ends all and is thrown. Those that are still there when they are given up are killed.
 */
async function runProcesses(
  run: Run,
  { count, signal, graceMs = 0, ...listener }: Options,
  cores: readonly number[],
  abandoned: AbortSignal,
): Promise<WorkResult[]> {
  const children = new Set<ChildProcess>();
  const stop = (): void => {
    for (const child of children) child.kill('SIGTERM');
  };
  let lost = 0;
  const start = async (core: number | undefined): Promise<WorkResult[]> => {
    if (signal?.aborted === true) return [];
    const child = fork(
      new URL('./work-process.js', import.meta.url),
      [run.settingsPath, String(graceMs), run.ranking],
      {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
        execArgv: nodeFlags,
        env: { ...process.env, ...nodeEnvironment },
      },
    );
    children.add(child);
    if (core !== undefined && child.pid !== undefined) bindToCores(child.pid, [core]);
    const last = await listen(child, listener);
    children.delete(child);
    if (last.kind === 'done') return [last.result];
    if (last.kind === 'failed') throw errorFrom(last.error);
    if (abandoned.aborted) return [];
    lost++;
    if (lost > count + 3) throw fail('WORKERS_LOST', { count: lost, reason: last.reason });
    return start(core);
  };
  signal?.addEventListener('abort', stop);
  const kill = (): void => {
    for (const child of children) child.kill('SIGKILL');
  };
  abandoned.addEventListener('abort', kill);
  try {
    return await untilAllEnd(
      Array.from({ length: count }, (_, i) => start(cores[i])),
      () => {
        stop();
        setTimeout(graceMs + stuckMs, undefined, { ref: false }).then(kill, kill);
      },
    );
  } finally {
    signal?.removeEventListener('abort', stop);
    stop();
  }
}

function listen(
  child: ChildProcess,
  listener: Listener,
): Promise<Exclude<WorkerReply, { kind: 'progress' | 'chunk' }> | { kind: 'lost'; reason: string }> {
  return new Promise((resolve) => {
    child.on('message', (reply: WorkerReply) => {
      if (reply.kind === 'progress') listener.onProgress(reply.documents, reply.textBytes);
      else if (reply.kind === 'chunk') listener.onChunk(reply);
      else resolve(reply);
    });
    child.on('error', (error) => resolve({ kind: 'lost', reason: error.message }));
    child.on('exit', (code, signal) =>
      resolve({ kind: 'lost', reason: signal ?? `exit code ${code ?? ''}` }),
    );
  });
}
