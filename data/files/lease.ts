// A lease on work that many processes on many machines compete for: a file that only one process can create,
// with a counter that its holder keeps incrementing. A holder is considered lost if an observer sees the same
// count for a while by its own monotonic clock, so clocks need not agree; a dead process on the observer's
// machine is lost at once. In rare cases two processes hold a lease, so work under a lease must be safe to do
// twice.

import { randomBytes } from 'node:crypto';
import { rmSync, statSync } from 'node:fs';
import { type FileHandle, link, open, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { systemCode, writeError } from '../../run/errors/errors.ts';
import type { Holder } from './lease-holder.ts';
import { identifyProcess, readProcessSpace } from './process.ts';

export interface Lease {
  /** Whether the lease was taken over or removed, as of the last beat. */
  isLost(): boolean;
  /** Checks whether this holder still has the lease. */
  isOurs(): Promise<boolean>;
  /** Releases the lease. */
  release(): Promise<void>;
}

const countDigits = 12;

/**
 * Takes the lease at `path`, in an existing folder, and beats every `beatMs`; undefined if another process
 * holds it. Errors: DISK_FULL, WRITE_FAILED.
 */
export async function takeLease(path: string, beatMs: number): Promise<Lease | undefined> {
  const opened = await openLease(path);
  return opened && keepBeating(path, opened, beatMs);
}

/**
 * Leases of this process, by inode: they are removed on exit so that no other process has to wait for them.
 */
const held = new Map<number, string>();

process.once('exit', () => {
  for (const [ino, path] of held) {
    try {
      if (statSync(path).ino === ino) rmSync(path);
    } catch {
      // Other processes will detect that the holder is gone.
    }
  }
});

/** Creates a lease that has no beat; false if it exists. */
export async function createLease(path: string): Promise<boolean> {
  const opened = await openLease(path);
  if (opened === undefined) return false;
  held.delete(opened.ino);
  await opened.file.close();
  return true;
}

interface OpenedLease {
  file: FileHandle;
  ino: number;
}

/**
 * Creates the lease and its content atomically, so that it is never seen empty, and a process killed
 * meanwhile leaves no lease.
 */
async function openLease(path: string): Promise<OpenedLease | undefined> {
  const holder: Holder = {
    pid: process.pid,
    host: hostname(),
    space: readProcessSpace(),
    process: identifyProcess(process.pid) ?? '',
    since: new Date().toISOString(),
  };
  const prepared = join(dirname(path), `.${basename(path)}.${randomBytes(8).toString('hex')}.tmp`);
  let file: FileHandle | undefined;
  let ino = 0;
  let taken = false;
  try {
    file = await open(prepared, 'wx+');
    ino = (await file.stat()).ino;
    await file.write(leaseText(0, holder), 0);
    held.set(ino, path);
    await link(prepared, path);
    taken = true;
    return { file, ino };
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return undefined;
    // The holder of the folder's lock may have removed the temporary file as a leftover.
    if (systemCode(error) === 'ENOENT' && file !== undefined && (await exists(dirname(path))))
      return await openLease(path);
    throw writeError(error, path);
  } finally {
    await rm(prepared, { force: true });
    if (!taken) {
      held.delete(ino);
      await file?.close();
    }
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

function leaseText(count: number, holder: Holder): string {
  // The nonce distinguishes two leases of one process.
  return `${String(count).padStart(countDigits, '0')} ${randomBytes(4).toString('hex')} ${JSON.stringify(holder)}\n`;
}

function keepBeating(path: string, { file, ino }: OpenedLease, beatMs: number): Lease {
  let count = 0;
  let lost = false;
  let beating = Promise.resolve();
  const isOurs = async (): Promise<boolean> => {
    try {
      return (await stat(path)).ino === ino;
    } catch {
      return false;
    }
  };
  const beat = async (): Promise<void> => {
    lost ||= !(await isOurs());
    if (lost) return;
    // Goes to this holder's file; a process that took over has another one.
    await file.write(String(++count).padStart(countDigits, '0'), 0);
    await file.sync();
  };
  let busy = false;
  const timer = setInterval(() => {
    // On a disk slower than the beat, writes would pile up.
    if (busy) return;
    busy = true;
    beating = beat()
      .catch(() => {
        lost = true;
      })
      .finally(() => {
        busy = false;
      });
  }, beatMs);
  timer.unref();
  return {
    isLost: () => lost,
    isOurs,
    async release() {
      clearInterval(timer);
      await beating;
      if (!lost && (await isOurs())) await rm(path, { force: true });
      held.delete(ino);
      await file.close();
    },
  };
}
