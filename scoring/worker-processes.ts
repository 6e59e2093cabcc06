// The worker processes next to this one: starts them, hears from them, and replaces those that are lost.

import { type ChildProcess, fork } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { type ErrorData, errorFrom, fail } from '../run/errors/errors.ts';
import { nodeEnvironment, nodeFlags } from '../data/files/process.ts';
import type { Run } from '../run/run.ts';
import { bindToCores } from './cores.ts';
import type { Task } from './tasks.ts';
import type { WorkOptions, WorkResult } from './work.ts';

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

/** A process with nothing to do exits sooner. */
export const stuckMs = 3000;

/**
 * Runs the processes until each finds no free chunk. Replaces killed ones, up to a limit. An error of one
 * stops all and is thrown. Processes that still run when `abandoned` is aborted are killed.
 */
export async function runProcesses(
  run: Run,
  {
    count,
    signal,
    graceMs = 0,
    ...listener
  }: Listener & Pick<WorkOptions, 'signal' | 'graceMs'> & { count: number },
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

/**
 * The results of all. If one fails, calls `stop` for the others and waits for them, because they must give
 * their leases back.
 */
export async function untilAllEnd(
  work: readonly Promise<WorkResult[]>[],
  stop: () => void,
): Promise<WorkResult[]> {
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
