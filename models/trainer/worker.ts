// One Python worker: started, listened to, and stopped.

import { type ChildProcess, spawn } from 'node:child_process';
import { basename } from 'node:path';
import { endOfEvents, followEvents, type TrainingEvent } from './events.ts';
import type { WorkerEnd } from './outcome.ts';
import { type Python, workerEnvironment } from './python.ts';

export interface WorkerListener {
  onEvent?: (job: string, event: TrainingEvent) => void;
  /** Lines of events.jsonl that are no events. */
  onBroken?: (job: string, lines: number) => void;
}

export interface WorkerOptions {
  python: Python;
  threads: number;
  /** The number of its GPU among those that this process may use; by default, the worker chooses. */
  gpu: number | undefined;
  /** Asks it to save a checkpoint and end. */
  signal: AbortSignal | undefined;
}

/** As much of a worker's standard error as is kept. */
const logCharacters = 16_384;

/** Runs a worker on the job in a folder until it ends. Errors: those of starting it and of reading its events. */
export async function runWorker(
  folder: string,
  { python, threads, gpu, signal }: WorkerOptions,
  listener: WorkerListener,
): Promise<WorkerEnd> {
  const job = basename(folder);
  const from = await endOfEvents(folder);
  const child = spawn(python.program, ['-m', 'betr_trainer', folder], {
    // A group of its own: Ctrl-C in a terminal reaches it only as the SIGTERM below.
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...workerEnvironment(threads), ...gpuEnvironment(gpu) },
  });
  const stop = (): void => void child.kill('SIGTERM');
  if (signal?.aborted === true) stop();
  signal?.addEventListener('abort', stop);
  const gone = new AbortController();
  let log = '';
  let last: TrainingEvent | undefined;
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    log = (log + piece).slice(-logCharacters);
  });
  const following = followEvents(folder, { from, signal: gone.signal }, ({ events, broken }) => {
    last = events.at(-1) ?? last;
    for (const event of events) listener.onEvent?.(job, event);
    if (broken > 0) listener.onBroken?.(job, broken);
  });
  try {
    const [ended] = await Promise.all([
      waitFor(child).finally(() => {
        gone.abort();
      }),
      following.catch((error: unknown) => {
        stop();
        throw error;
      }),
    ]);
    return { ...ended, log, last };
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

/** Waits until a process has ended and everything that it wrote was read. */
function waitFor(child: ChildProcess): Promise<Pick<WorkerEnd, 'code' | 'signal'>> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      resolve({ code, signal });
    });
  });
}

/** Shows a worker one GPU, of those that this process may use. */
function gpuEnvironment(gpu: number | undefined): NodeJS.ProcessEnv {
  if (gpu === undefined) return {};
  const visible = process.env['CUDA_VISIBLE_DEVICES']?.split(',') ?? [];
  return { CUDA_VISIBLE_DEVICES: visible[gpu] ?? String(gpu) };
}
