// A claim on a piece of work that many processes on many machines may want: a file that only one can make,
// with a count in it that its holder keeps moving. A holder is taken for lost when an observer has seen the
// same count for a while by its own steady clock, so that no two clocks have to agree and none has to go
// forward; a process that is gone from the observer's own machine, at once. Promises at most a rare second
// holder, never none: what is done under a lease has to bear being done twice.

import { randomBytes } from 'node:crypto';
import { rmSync, statSync } from 'node:fs';
import { type FileHandle, link, open, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { ifThere, readError, systemCode, writeError } from '../../run/errors/errors.ts';
import { identifyProcess, isProcessGone, readProcessSpace } from './process.ts';
import { readRegular } from '../../run/regular-file.ts';

const holderSchema = z.object({
  pid: z.number().int(),
  host: z.string(),
  space: z.string().default(''),
  process: z.string(),
  since: z.string(),
});
export type Holder = z.output<typeof holderSchema>;

export interface Lease {
  /** Whether somebody has taken the lease over, or removed it, as far as the last beat saw. */
  isLost(): boolean;
  /** Whether it is this holder's, as it is now. */
  isOurs(): Promise<boolean>;
  /** Gives it back. */
  release(): Promise<void>;
}

const countDigits = 12;

/**
 * Takes the lease at `path`, in a folder that exists, and beats every `beatMs`; undefined where somebody has
 * it. Errors: DISK_FULL, WRITE_FAILED.
 */
export async function takeLease(path: string, beatMs: number): Promise<Lease | undefined> {
  const opened = await openLease(path);
  return opened && keepBeating(path, opened, beatMs);
}

/**
 * What this process holds, or is about to, by the file's number: who ends of himself, whatever is at work,
 * leaves nothing for others to wait for.
 */
const held = new Map<number, string>();

process.once('exit', () => {
  for (const [ino, path] of held) {
    try {
      if (statSync(path).ino === ino) rmSync(path);
    } catch {
      // Others find out that the holder is gone.
    }
  }
});

async function createLease(path: string): Promise<boolean> {
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
 * Makes the lease with its text at one stroke, so that nobody ever sees it empty: who is killed meanwhile
 * leaves none.
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
    // Whoever has the lock of the folder clears away what looks left behind, which this one was not.
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
  // The nonce tells two leases of one process apart.
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
    // Written into our own file: whoever took over has another one.
    await file.write(String(++count).padStart(countDigits, '0'), 0);
    await file.sync();
  };
  let busy = false;
  const timer = setInterval(() => {
    // A disk that is slower than the beat would have ever more to do.
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

export interface LeaseWatch {
  /**
   * Whether the lease at `path` is free: not there, or its holder lost; a lost one's is removed. Has to be
   * asked now and then to notice.
   */
  isFree(path: string): Promise<boolean>;
}

/** An observer of leases, to whom a holder is lost after `lostMs` without a beat. */
export function watchLeases(lostMs: number): LeaseWatch {
  const seen = new Map<string, { text: string; sinceMs: number }>();
  /** The text of a lease whose holder is lost; undefined where there is none or it is not. */
  const findLost = async (path: string): Promise<string | undefined> => {
    const text = await readText(path);
    const known = seen.get(path);
    if (text === undefined) seen.delete(path);
    else if (known?.text !== text) seen.set(path, { text, sinceMs: performance.now() });
    const isStill = text !== undefined && known?.text === text && performance.now() - known.sinceMs > lostMs;
    return isStill || isGone(parseHolder(text ?? '')) ? text : undefined;
  };
  /**
   * Removes it, unless it is another one by now. Who removes holds a guard meanwhile, so that no two remove
   * one after the other what is not the same.
   */
  const remove = async (path: string, text: string): Promise<boolean> => {
    const guard = `${path}.takeover`;
    if (!(await createLease(guard))) {
      if ((await findLost(guard)) !== undefined) await rm(guard, { force: true });
      return false;
    }
    try {
      if ((await readText(path)) !== text) return false;
      await rm(path, { force: true });
      seen.delete(path);
      return true;
    } finally {
      await rm(guard, { force: true });
    }
  };
  return {
    async isFree(path) {
      const text = await findLost(path);
      return text === undefined ? !seen.has(path) : remove(path, text);
    },
  };
}

/**
 * Who holds the lease at `path`, and the lease's text, which changes with every beat; undefined where nobody
 * does or it cannot be told.
 */
export async function readHolder(path: string): Promise<(Holder & { text: string }) | undefined> {
  const text = (await readText(path)) ?? '';
  const holder = parseHolder(text);
  return holder && { ...holder, text };
}

/** Who holds the lease at `path` and may be alive; undefined where nobody does. */
export async function readLiveHolder(path: string): Promise<Holder | undefined> {
  const holder = await readHolder(path);
  return isGone(holder) ? undefined : holder;
}

function parseHolder(text: string): Holder | undefined {
  try {
    return holderSchema.parse(JSON.parse(text.slice(text.indexOf('{'))));
  } catch {
    return undefined;
  }
}

/** Whether the holder is where we can see its process. */
export function isNear({ host, space }: Holder): boolean {
  return host === hostname() && space === readProcessSpace();
}

/** Whether it was a process of this machine and is no more; another one may have its number by now. */
function isGone(holder: Holder | undefined): boolean {
  return holder !== undefined && isNear(holder) && isProcessGone(holder.pid, holder.process);
}

/** The text of a lock; undefined if there is none. Errors: FILE_UNREADABLE. */
async function readText(path: string): Promise<string | undefined> {
  try {
    return await ifThere(readRegular(path, 'utf8'));
  } catch (error) {
    throw readError(error, path);
  }
}
