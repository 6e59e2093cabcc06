// Folds the manifests of all workers into one file, so that later readers have one file to read.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { commitBytes } from '../data/files/commit.ts';
import { manifestLine, readManifest } from '../data/files/manifest.ts';
import { readRegular } from '../run/regular-file.ts';
import type { Run } from '../run/run.ts';
import { type ListedPart, listedPartSchema } from './part.ts';
import { foldedManifest, readPublishedParts, stateOf } from './published.ts';

/**
 * Merges all manifests into one that lists the parts for which `isWanted` holds. Writes nothing if that is
 * already so. Manifests that a worker appends to in the meantime stay. Errors: DISK_FULL, WRITE_FAILED.
 */
export async function foldManifests(run: Run, isWanted: (part: ListedPart) => boolean): Promise<void> {
  const asRead = new Map<string, string>();
  const { byChunk } = await readPublishedParts(run, asRead);
  const path = join(run.files.manifest, foldedManifest);
  const text = [...byChunk.values()].flat().filter(isWanted).map(manifestLine).join('');
  if ((await readRegular(path, 'utf8').catch(() => '')) !== text) await commitBytes(path, text);
  for (const [other, state] of asRead)
    if (other !== path && (await stateOf(other)) === state) await rm(other, { force: true });
}

/**
 * The parts in the merged manifest, including those of earlier generations.
 */
export async function readFolded(run: Run): Promise<ListedPart[]> {
  return (await readManifest(join(run.files.manifest, foldedManifest), listedPartSchema)).values;
}
