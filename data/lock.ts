// One betr at a time writes into a run folder. The lock is a file that names its holder; one whose process is gone is taken over.

import { randomUUID } from 'node:crypto';
import { link, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { writeError } from './commit.ts';
import { fail, systemCode } from './errors.ts';
import type { Run } from './run.ts';

const holderSchema = z.object({ pid: z.number().int(), host: z.string(), since: z.string() });
type Holder = z.output<typeof holderSchema>;

/** Since when this process holds which locks: by them it knows its own ones from those of an earlier process with its id, as a container that is started anew has. */
const held = new Map<string, string>();

/** Runs `work` as the only writer of the run's folder, after clearing away what a killed one left half-written. Errors: RUN_LOCKED. */
export async function withLock<T>(run: Run, work: () => Promise<T>): Promise<T> {
  const path = run.files.lock;
  const own: Holder = { pid: process.pid, host: hostname(), since: new Date().toISOString() };
  const since = held.get(path);
  if (since !== undefined) throw fail('RUN_LOCKED', { dir: run.folder, ...own, since });
  held.set(path, own.since);
  try {
    await acquire(run, own);
    try {
      await removeTemporaries(run);
      return await work();
    } finally {
      await rm(path, { force: true });
    }
  } finally {
    held.delete(path);
  }
}

async function acquire(run: Run, own: Holder): Promise<void> {
  for (;;) {
    if (await create(run.files.lock, JSON.stringify(own))) return;
    const holder = await readHolder(run.files.lock);
    if (holder !== undefined && isAlive(holder)) throw fail('RUN_LOCKED', { dir: run.folder, ...holder });
    await setAside(run.files.lock, holder);
  }
}

/** Makes the file with its text at one stroke, so that nobody sees it empty; false where it exists. */
async function create(path: string, text: string): Promise<boolean> {
  const prepared = `${path}.${randomUUID()}`;
  try {
    await writeFile(prepared, text);
    await link(prepared, path);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw writeError(error, path);
  } finally {
    await rm(prepared, { force: true });
  }
}

/** Removes a dead holder's lock; if another process has taken it over in the meantime, puts that one's back. */
async function setAside(path: string, dead: Holder | undefined): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return;
    throw error;
  }
  const taken = await readHolder(aside);
  if (taken !== undefined && dead?.since !== taken.since) await rename(aside, path);
  else await rm(aside, { force: true });
}

async function readHolder(path: string): Promise<Holder | undefined> {
  try {
    return holderSchema.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    return undefined;
  }
}

function isAlive(holder: Holder): boolean {
  if (holder.host !== hostname()) return true;
  return holder.pid !== process.pid && isProcessAlive(holder.pid);
}

/** Whether a process of this machine is there. */
export function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemCode(error) === 'EPERM';
  }
}

/** Not those of workers (data/lease.ts), who do not ask for this lock and may be at it on another machine. */
async function removeTemporaries({ folder, files }: Run): Promise<void> {
  const ofWorkers = [files.scores, files.quarantine, files.manifest, files.leases];
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile() && entry.name.startsWith('.') && entry.name.endsWith('.tmp') && !ofWorkers.includes(entry.parentPath)) await rm(join(entry.parentPath, entry.name), { force: true });
  }
}
