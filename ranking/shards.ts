// Finds the shards of a ranking by name or id, and checks that they are still the files that were ranked.
// Only names from the ranking become paths, never text from a request.

import type { CoveredRows } from '../scoring/part.ts';
import type { Shard } from '../data/documents.ts';
import { BetrError, fail, reasonOf } from '../run/errors/errors.ts';
import { statFile } from '../data/files/files.ts';
import { fingerprint, type Run } from '../run/run.ts';
import { formatOf, pathOf } from '../data/shards.ts';
import { isRemote } from '../run/address.ts';

/** A short name for a shard that needs no escaping in URLs. */
export function shardId(name: string): string {
  return fingerprint(name).slice(0, 16);
}

/** Shards as they were when they were ranked; a ranking has them. */
export interface RankedShards {
  parts: readonly { covers: readonly Pick<CoveredRows, 'shard' | 'bytes' | 'modifiedMs'>[] }[];
}

/** The shard of the ranking that `asked` names, by its name or its id. Errors: SHARD_UNKNOWN. */
export function findShardName(ranking: RankedShards, asked: string): string {
  const found =
    findRows(ranking, ({ shard }) => shard === asked) ??
    findRows(ranking, ({ shard }) => shardId(shard) === asked);
  if (found === undefined)
    throw fail('SHARD_UNKNOWN', { got: asked.slice(0, 200), like: findAlike(ranking, asked) });
  return found.shard;
}

/** Up to three shards whose path ends with what was asked for, or the other way round. */
function findAlike({ parts }: RankedShards, asked: string): string[] {
  const endsWith = (path: string, end: string): boolean =>
    path.endsWith(`/${end.replace(/^(?:\.?\/)+/, '')}`);
  const names = new Set<string>();
  for (const { covers } of parts)
    for (const { shard } of covers) {
      if (endsWith(`/${shard}`, asked) || endsWith(asked, shard)) names.add(shard);
      if (names.size === 3) return [...names];
    }
  return [...names];
}

type RankedShard = RankedShards['parts'][number]['covers'][number];

function findRows(
  { parts }: RankedShards,
  isWanted: (rows: RankedShard) => boolean,
): RankedShard | undefined {
  for (const { covers } of parts) {
    const found = covers.find(isWanted);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * The file of a shard of the ranking, if it is unchanged: row numbers mean nothing in another file. Errors:
 * SHARD_UNKNOWN, FILE_NOT_FOUND, FILE_UNREADABLE, SHARD_CHANGED, those of the store.
 */
export async function openShard(run: Run, ranking: RankedShards, name: string): Promise<Shard> {
  const ranked = findRows(ranking, ({ shard }) => shard === name);
  if (ranked === undefined) throw fail('SHARD_UNKNOWN', { got: name.slice(0, 200) });
  const path = pathOf(name, run.settingsFolder, run.settings.corpus.files);
  const { bytes, modifiedMs } = await statFile(path).catch((error: unknown) => {
    // Clients know shards by their names; paths of this machine stay private.
    if (isRemote(path) || !(error instanceof BetrError)) throw error;
    throw error.code === 'FILE_NOT_FOUND'
      ? fail('FILE_NOT_FOUND', { path: name, what: 'Shard' }, error)
      : fail('FILE_UNREADABLE', { path: name, reason: reasonOf(error.cause) }, error);
  });
  if (bytes !== ranked.bytes || modifiedMs !== ranked.modifiedMs) throw fail('SHARD_CHANGED', { path: name });
  return { name, path, format: formatOf(path), bytes, modifiedMs };
}
