// A claim on a piece of work that many processes on many machines may want: a file that only one can make, with a count in it that its holder keeps moving.
// A holder is taken for lost when an observer has seen the same count for a while by its own steady clock, so that no two clocks have to agree and none has
// to go forward; a process that is gone from the observer's own machine, at once. Promises at most a rare second holder, never none: what is done under a
// lease has to bear being done twice.

import { randomBytes } from 'node:crypto';
import { type FileHandle, link, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { z } from 'zod';
import { writeError } from './commit.ts';
import { systemCode } from './errors.ts';

const holderSchema = z.object({ pid: z.number().int(), host: z.string(), since: z.string() });
export type Holder = z.output<typeof holderSchema>;

export interface Lease {
  /** Whether somebody has taken the lease over, or removed it, as far as the last beat saw. */
  isLost(): boolean;
  /** Gives it back. */
  release(): Promise<void>;
}

const countDigits = 12;

/** Takes the lease at `path`, in a folder that exists, and beats every `beatMs`; undefined where somebody has it. Errors: DISK_FULL, WRITE_FAILED. */
export async function takeLease(path: string, beatMs: number): Promise<Lease | undefined> {
  const holder: Holder = { pid: process.pid, host: hostname(), since: new Date().toISOString() };
  let file: FileHandle;
  try {
    file = await open(path, 'wx+');
    await file.write(leaseText(0, holder), 0);
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return undefined;
    throw writeError(error, path);
  }
  return keepBeating(path, file, beatMs);
}

function leaseText(count: number, holder: Holder): string {
  // The nonce tells two leases of one process apart.
  return `${String(count).padStart(countDigits, '0')} ${randomBytes(4).toString('hex')} ${JSON.stringify(holder)}\n`;
}

function keepBeating(path: string, file: FileHandle, beatMs: number): Lease {
  let count = 0;
  let lost = false;
  let beating = Promise.resolve();
  const isOurs = async (): Promise<boolean> => {
    try {
      return (await stat(path)).ino === (await file.stat()).ino;
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
  const timer = setInterval(() => {
    beating = beating.then(beat).catch(() => {
      lost = true;
    });
  }, beatMs);
  timer.unref();
  return {
    isLost: () => lost,
    async release() {
      clearInterval(timer);
      await beating;
      if (!lost && (await isOurs())) await rm(path, { force: true });
      await file.close();
    },
  };
}

export interface LeaseWatch {
  /** Whether the lease at `path` is free: not there, or its holder lost; a lost one's is removed. Has to be asked now and then to notice. */
  isFree(path: string): Promise<boolean>;
}

/** An observer of leases, to whom a holder is lost after `lostMs` without a beat. */
export function watchLeases(lostMs: number): LeaseWatch {
  const seen = new Map<string, { text: string; sinceMs: number }>();
  return {
    async isFree(path) {
      const text = await readText(path);
      if (text === undefined) {
        seen.delete(path);
        return true;
      }
      const known = seen.get(path);
      if (known?.text !== text) seen.set(path, { text, sinceMs: performance.now() });
      const still = known?.text === text && performance.now() - known.sinceMs > lostMs;
      if (!still && !isGone(parseHolder(text))) return false;
      seen.delete(path);
      return removeLost(path, text);
    },
  };
}

/** Who holds the lease at `path`; undefined where nobody does or it cannot be told. */
export async function readHolder(path: string): Promise<Holder | undefined> {
  const text = await readText(path);
  return text === undefined ? undefined : parseHolder(text);
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function parseHolder(text: string): Holder | undefined {
  try {
    return holderSchema.parse(JSON.parse(text.slice(text.indexOf('{'))));
  } catch {
    return undefined;
  }
}

/** Whether a process of this machine is no more. */
function isGone(holder: Holder | undefined): boolean {
  if (holder?.host !== hostname()) return false;
  try {
    process.kill(holder.pid, 0);
    return false;
  } catch (error) {
    return systemCode(error) === 'ESRCH';
  }
}

/** Removes a lost holder's lease; if another process has taken it over in the meantime, puts that one's back. */
async function removeLost(path: string, text: string): Promise<boolean> {
  const aside = `${path}.${randomBytes(4).toString('hex')}.lost`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return true;
    throw writeError(error, path);
  }
  const same = (await readText(aside)) === text;
  if (!same) await link(aside, path).catch(() => undefined);
  await rm(aside, { force: true });
  return same;
}
