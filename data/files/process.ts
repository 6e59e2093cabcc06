// How processes are started and identified: an id alone is not enough, because ids are reused.

import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { systemCode } from '../../run/errors/errors.ts';

/**
 * Node.js flags of the command and its workers (also in the command's first line and in package.json). Texts
 * are outside the heap and are freed when it is collected: often and quickly if the young generation is
 * small.
 */
export const nodeFlags = ['--max-semi-space-size=4'];

/**
 * Their environment. By default, glibc gives each thread its own heap, and other threads cannot use its free
 * memory; a worker then takes about 30 MB more.
 */
export const nodeEnvironment = { MALLOC_ARENA_MAX: '1' };

/** Enough for a process's modules, libraries, shards, and parts. */
export const minOpenFiles = 256;

/** How many files this process may have open; Infinity if the system does not report it. */
export function readOpenFilesLimit(): number {
  try {
    return Number(
      /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? Infinity,
    );
  } catch {
    return Infinity;
  }
}

/**
 * A unique name of a process: its id and start. undefined if the process has ended, even if it is still a
 * zombie. If the system does not report the start, the name is the id alone.
 */
export function identifyProcess(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (systemCode(error) !== 'EPERM') return undefined;
  }
  const started = readStart(pid);
  return started === 'ended' ? undefined : `${pid} ${started}`;
}

/**
 * Whether the process with this id and name is certainly gone; the start of another user's process may be
 * hidden.
 */
export function isProcessGone(pid: number, name: string): boolean {
  const now = identifyProcess(pid);
  return now === undefined || (now !== name && now !== `${pid} `);
}

/**
 * The namespace of process ids, which containers with the same host name do not share; '' if the system does
 * not report it.
 */
export function readProcessSpace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

/** The boot id and the clock tick in which a process started; outside Linux, its start time to the second. */
function readStart(pid: number): string {
  try {
    // The command's name is in parentheses and may contain any character; the state is the first field after
    // it, the start the 20th.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\)/s, '').trim().split(' ');
    return fields[0] === 'Z' || fields[0] === 'X'
      ? 'ended'
      : `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${fields[19] ?? ''}`;
  } catch {
    return readStartElsewhere(pid);
  }
}

function readStartElsewhere(pid: number): string {
  try {
    return execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return '';
  }
}
