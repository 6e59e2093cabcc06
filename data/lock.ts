// One betr at a time writes into a run folder, workers aside, who have leases of their own. The lock is a lease: one whose holder is gone is taken over.

import { readdir, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fail } from './errors.ts';
import { type Lease, readHolder, takeLease, watchLeases } from './lease.ts';
import type { Run } from './run.ts';

/** Who asks from another machine waits for one beat, to see whether the holder lives. */
const longestBeatMs = 1000;

/** Runs `work` as the only writer of the run's folder, after clearing away what a killed one left half-written. Errors: RUN_LOCKED. */
export async function withLock<T>(run: Run, work: () => Promise<T>): Promise<T> {
  const lease = await takeLock(run, run.files.lock, run.folder);
  try {
    await removeTemporaries(run);
    return await work();
  } finally {
    await lease.release();
  }
}

/** Takes the lock at `path`, which stands for the folder `dir`, by the run's settings for leases. Errors: RUN_LOCKED. */
export async function takeLock({ settings }: Run, path: string, dir: string): Promise<Lease> {
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
      if (holder.host === hostname() || holder.text !== firstSeen) throw fail('RUN_LOCKED', { dir, pid: holder.pid, host: holder.host, since: holder.since });
    }
    await setTimeout(beatMs / 10);
  }
}

/** Not those of workers, who do not ask for this lock and may be at it on another machine. */
async function removeTemporaries({ folder, files }: Run): Promise<void> {
  const ofWorkers = [files.scores, files.quarantine, files.manifest, files.leases];
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    if (entry.isFile() && entry.name.startsWith('.') && entry.name.endsWith('.tmp') && !ofWorkers.includes(entry.parentPath)) await rm(join(entry.parentPath, entry.name), { force: true });
  }
}
