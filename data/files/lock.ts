// Only one betr process at a time writes to a run folder, except for workers, which use leases. The lock is
// itself a lease and is taken over if its holder is gone.

import { lstat, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fail } from '../../run/errors/errors.ts';
import { isTemporaryName } from './commit.ts';
import { type Lease, takeLease } from './lease.ts';
import { isNear, readHolder } from './lease-holder.ts';
import { watchLeases } from './lease-watch.ts';
import { type Report, silent } from '../../run/progress.ts';
import { type RunFiles, runFiles } from '../../run/files.ts';
import type { Run } from '../../run/run.ts';

/** A process on another machine waits for one beat to see whether the holder is alive. */
const longestBeatMs = 1000;

/**
 * Runs `work` as the only writer of the run folder, after removing temporary files of killed processes.
 * Errors: RUN_LOCKED.
 */
export async function withLock<T>(run: Run, work: () => Promise<T>, report: Report = silent): Promise<T> {
  const lease = await takeLock(run, run.files.lock, run.folder, report);
  held.set(run.files.lock, lease);
  try {
    await removeTemporaries(run);
    return await work();
  } finally {
    held.delete(run.files.lock);
    await lease.release();
  }
}

/** The run locks that this process holds. */
const held = new Map<string, Lease>();

/**
 * Call this before an irreversible step: a process that was suspended may have lost its lock. Errors:
 * RUN_LOCKED if another process has taken over the run's lock.
 */
export async function checkLock({ files, folder }: Run): Promise<void> {
  const lease = held.get(files.lock);
  if (lease === undefined || (await lease.isOurs())) return;
  const { pid = 0, host = 'another machine', since = 'just now' } = (await readHolder(files.lock)) ?? {};
  throw fail('RUN_LOCKED', { dir: folder, pid, host, since });
}

/**
 * Takes the lock at `path`, which protects the folder `dir`, with the lease settings of the run. Errors:
 * RUN_LOCKED.
 */
export async function takeLock(
  { settings }: Run,
  path: string,
  dir: string,
  report: Report = silent,
): Promise<Lease> {
  const startedMs = performance.now();
  const beatMs = Math.min(longestBeatMs, 1000 * settings.scoring.beatSeconds);
  const watch = watchLeases(1000 * settings.scoring.lostSeconds);
  let firstSeen: string | undefined;
  for (;;) {
    const lease = await takeLease(path, beatMs);
    if (lease !== undefined) return lease;
    if (await watch.isFree(path)) continue;
    const holder = await readHolder(path);
    if (holder !== undefined) {
      firstSeen ??= holder.text;
      if (isNear(holder) || holder.text !== firstSeen)
        throw fail('RUN_LOCKED', { dir, pid: holder.pid, host: holder.host, since: holder.since });
    }
    const waitedMs = performance.now() - startedMs;
    if (waitedMs > 2 * beatMs)
      report({
        stage: `wait for process ${holder?.pid ?? '?'} on ${holder?.host ?? '?'} (its lock is not being updated)`,
        done: waitedMs / 1000,
        total: settings.scoring.lostSeconds,
        unit: 'seconds',
      });
    await setTimeout(beatMs / 10);
  }
}

/**
 * Folders that are written to without this lock: workers clean up their own folders, and a server's temporary
 * files are kept until they are certainly unused.
 */
const ofWorkers = ({ scores, quarantine, manifest, leases }: RunFiles): string[] => [
  scores,
  quarantine,
  manifest,
  leases,
];
const ofServers = ({
  audits,
  holds,
  jobs,
  keyOrders,
  orders,
  ranks,
  retargeted,
  calibrations,
}: RunFiles): string[] => [audits, holds, jobs, keyOrders, orders, ranks, retargeted, calibrations];
const dayMs = 86_400_000;

/**
 * Removes leftover temporary files from the run folder and the folders that run/files.ts lists, of every
 * ranking. The run folder may also hold the user's own files and folders, so nothing else is searched.
 */
async function removeTemporaries({ folder, files }: Run): Promise<void> {
  const rankings = (await namesIn(files.rankings)).map((name) => runFiles(folder, name));
  const all = [files, ...rankings];
  const skipped = new Set(all.flatMap(ofWorkers));
  const left = new Set(all.flatMap(ofServers));
  // Vectors are in a folder for each embedder.
  const vectors = (await namesIn(files.vectors))
    .filter((name) => /^[0-9a-f]{16}$/.test(name))
    .map((name) => join(files.vectors, name));
  const listed = all.flatMap((of) => Object.values(of)).flatMap((path) => [dirname(path), path]);
  for (const own of new Set([...listed, ...vectors]))
    if (!skipped.has(own)) await removeTemporariesIn(own, left.has(own) ? dayMs : 0);
}

/** Ignores files that disappear in the meantime: another process removed them. */
async function removeTemporariesIn(folder: string, minAgeMs: number): Promise<void> {
  for (const name of (await namesIn(folder)).filter(isTemporaryName)) {
    const path = join(folder, name);
    const found = await lstat(path).catch(() => undefined);
    if (found?.isFile() === true && (minAgeMs === 0 || Date.now() - found.mtimeMs >= minAgeMs))
      await rm(path, { force: true });
  }
}

/** The names in a folder; none if it is missing or a file. */
async function namesIn(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => []);
}
