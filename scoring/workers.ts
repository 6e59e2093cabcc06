// Several workers on this machine: this process and child processes. If a child runs out of memory or is
// killed, the others continue.

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

/** A message from a worker process. */
export type WorkerReply =
  | { kind: 'progress'; documents: number; textBytes: number }
  | { kind: 'chunk'; weight: number }
  | { kind: 'done'; result: WorkResult }
  | { kind: 'failed'; error: ErrorData };

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
 * The results of all. If one fails, calls `stop` for the others and waits for them, because they must give
 * their leases back.
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

/** A process with nothing to do exits sooner. */
const stuckMs = 3000;

/**
 * Runs the processes until each finds no free chunk. Replaces killed ones, up to a limit. An error of one
 * stops all and is thrown. Processes that still run when `abandoned` is aborted are killed.
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
      [
        ...['--config', run.settingsPath],
        ...['--ranking', run.ranking],
        ...(run.scorer === undefined ? [] : ['--scorer', run.scorer]),
        ...['--grace', String(graceMs)],
      ],
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
