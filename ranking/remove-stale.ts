// Removes files of the scores that no generation needs any more.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { chunkOf, isChunkName, type ListedPart } from '../scoring/part.ts';
import { foldManifests } from '../scoring/fold-manifests.ts';
import { isTemporaryName } from '../data/files/commit.ts';
import { listFolder } from '../data/files/files.ts';
import { watchLeases } from '../data/files/lease-watch.ts';
import { checkLock } from '../data/files/lock.ts';
import type { Run } from '../run/run.ts';
import { readHeld } from './held.ts';

/**
 * Removes files of parts that are neither among these, the parts of the current and previous generation, nor
 * held by a process, as readers of the previous generation may be.
 */
export async function removeStale(run: Run, parts: readonly ListedPart[]): Promise<void> {
  await checkLock(run);
  const held = await readHeld(run);
  const needed = new Set([...parts.map(({ file }) => file), ...held.flatMap(({ files }) => files)]);
  await foldManifests(run, ({ file }) => needed.has(file));
  const chunks = new Set([...needed].map(chunkOf));
  const hasWorkers = await mayHaveWorkers(run);
  const isTemporary = (name: string): boolean => /\.(spill|takeover)$/.test(name) || isTemporaryName(name);
  for (const folder of [run.files.scores, run.files.quarantine, run.files.manifest, run.files.leases]) {
    for (const name of await listFolder(folder)) {
      const chunk = chunkOf(name);
      const stale = chunk === undefined ? !hasWorkers && isTemporary(name) : !chunks.has(chunk);
      if (stale) await rm(join(folder, name), { force: true, recursive: true });
    }
  }
}

/**
 * Whether a worker may be alive, on this machine or another. Removes the leases of dead workers on this
 * machine.
 */
async function mayHaveWorkers(run: Run): Promise<boolean> {
  const watch = watchLeases(Infinity);
  const free = await Promise.all(
    (await listFolder(run.files.leases))
      .filter(isChunkName)
      .map((name) => watch.isFree(join(run.files.leases, name))),
  );
  return !free.every(Boolean);
}
