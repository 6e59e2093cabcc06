// Compares the shards of a corpus at two times, by name, size and modification time.

import type { Shard } from '../data/documents.ts';
import type { ListedPart } from './part.ts';

export type ShardState = Pick<Shard, 'name' | 'bytes' | 'modifiedMs'>;

/** Names of shards. */
export interface ShardChanges {
  fresh: string[];
  changed: string[];
  gone: string[];
}

/** The shards of parts, as they were scored. */
export function shardsOf(parts: readonly Pick<ListedPart, 'covers'>[]): ShardState[] {
  const byName = new Map<string, ShardState>();
  for (const { covers } of parts)
    for (const { shard, bytes, modifiedMs } of covers) byName.set(shard, { name: shard, bytes, modifiedMs });
  return [...byName.values()];
}

/** Compares earlier shards with the current ones. */
export function compareShards(before: readonly ShardState[], now: readonly ShardState[]): ShardChanges {
  const known = new Map(before.map((shard) => [shard.name, shard]));
  const present = new Set(now.map(({ name }) => name));
  const isChanged = ({ name, bytes, modifiedMs }: ShardState): boolean => {
    const one = known.get(name);
    return one !== undefined && (one.bytes !== bytes || one.modifiedMs !== modifiedMs);
  };
  return {
    fresh: now.filter(({ name }) => !known.has(name)).map(({ name }) => name),
    changed: now.filter(isChanged).map(({ name }) => name),
    gone: before.filter(({ name }) => !present.has(name)).map(({ name }) => name),
  };
}
