// The process of a job: the betr command, detached from the server so that it outlives it.

import { spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { setPriority } from 'node:os';
import { setTimeout } from 'node:timers/promises';
import { identifyProcess, nodeEnvironment, nodeFlags } from '../../data/files/process.ts';
import type { Run } from '../../run/run.ts';
import { betrProgram } from '../../run/version.ts';
import { jobFiles, type JobRecord } from './records.ts';

/** Answers take priority: a job gets the CPU time that they leave. */
const niceness = 10;

/** How a process ended, as far as known. */
export type Ending = { code: number | null; signal: NodeJS.Signals | null } | 'unseen';

/**
 * Starts a job's command. `process` is null if it ended before it could be identified. Errors: those of the
 * system.
 */
export async function startProcess(
  run: Run,
  { id, kind }: JobRecord,
): Promise<{ process: JobRecord['process']; ended: Promise<Ending> }> {
  const files = jobFiles(run, id);
  const out = await open(files.out, 'w');
  const err = await open(files.err, 'w');
  try {
    // A process group of its own: a signal to the server's group does not end the job, and a signal to the
    // job's group reaches all its children.
    const child = spawn(
      process.execPath,
      [...nodeFlags, betrProgram(), kind, '--config', run.settingsPath, '--json', '--progress', 'json'],
      {
        cwd: run.settingsFolder,
        env: { ...process.env, ...nodeEnvironment },
        detached: true,
        stdio: ['ignore', out.fd, err.fd],
      },
    );
    const ended = new Promise<Ending>((resolve) => {
      child.once('exit', (code, signal) => resolve({ code, signal }));
      child.once('error', () => resolve('unseen'));
    });
    child.unref();
    const { pid } = child;
    const identity = pid === undefined ? undefined : identifyProcess(pid);
    if (pid === undefined || identity === undefined) return { ended, process: null };
    lowerPriority(pid);
    return { process: { pid, identity }, ended };
  } finally {
    await out.close();
    await err.close();
  }
}

function lowerPriority(pid: number): void {
  try {
    setPriority(pid, niceness);
  } catch {
    // The process has ended, or the system does not allow it; the job runs either way.
  }
}

const pollMs = 500;

/** Watches a process that an earlier server started, until it ends or the signal fires. */
export async function watchProcess(
  watched: NonNullable<JobRecord['process']>,
  signal: AbortSignal,
): Promise<Ending> {
  while (isSame(watched) && !signal.aborted) await setTimeout(pollMs, undefined, { ref: false });
  return 'unseen';
}

/** Whether the process still exists and is the same one. */
export function isSame({ pid, identity }: NonNullable<JobRecord['process']>): boolean {
  return identifyProcess(pid) === identity;
}

/** Ends a process and its children: SIGTERM first, SIGKILL after `graceMs`. */
export async function endProcess(
  asked: NonNullable<JobRecord['process']>,
  ended: Promise<Ending>,
  graceMs: number,
): Promise<void> {
  if (!isSame(asked)) return;
  signalGroup(asked.pid, 'SIGTERM');
  const timer = new AbortController();
  const gone = await Promise.race([
    ended.then(() => true),
    setTimeout(graceMs, false, { ref: false, signal: timer.signal }).catch(() => true),
  ]);
  timer.abort();
  if (!gone && isSame(asked)) signalGroup(asked.pid, 'SIGKILL');
}

function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended in the meantime.
  }
}
