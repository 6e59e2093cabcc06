// How processes are started, and which is which: a process id alone does not say, because ids are given out
// again.

import { execFileSync } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { systemCode } from '../../run/errors/errors.ts';

/**
 * How Node.js is started for the command and its workers (the command's first line and package.json say the
 * same). Texts lie outside the heap and go when it is cleared: often, and in little time, where its young
 * part is small.
 */
export const nodeFlags = ['--max-semi-space-size=4'];

/**
 * Their environment, likewise. glibc would let each thread have a heap of its own, in which memory that is
 * free is of no use to the others: a worker takes 30 MB more, and not always as much.
 */
export const nodeEnvironment = { MALLOC_ARENA_MAX: '1' };

/** A process opens its modules, the libraries, shards and parts. */
export const leastOpenFiles = 256;

/** How many files this process may have open at once; Infinity where the system does not tell. */
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
 * A name that no other process has, before or after; undefined where the process has ended, a zombie that
 * nobody has taken leave of included. Where the system does not tell when a process started, it is the id
 * alone.
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

/** Whether the process of this id and name is gone for sure: another one's start may be hidden from us. */
export function isProcessGone(pid: number, name: string): boolean {
  const now = identifyProcess(pid);
  return now === undefined || (now !== name && now !== `${pid} `);
}

/**
 * What process ids mean something in: containers of one host name may each count their own. '' where the
 * system does not tell.
 */
export function readProcessSpace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

/**
 * The boot and the tick of it in which a process started; elsewhere than on Linux its time of start to the
 * second.
 */
function readStart(pid: number): string {
  try {
    // The command's name is in brackets and may hold anything; the state is the first field after it, the
    // start the 20th.
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
