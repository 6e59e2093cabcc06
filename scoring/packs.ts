// Small shards are scored together: hundreds of them form a pack, one task with one part, one card and one
// manifest line. Promises: a shard stays in its pack when other shards are added.

import type { Shard } from '../data/documents.ts';
import { isCompressed } from '../data/shards.ts';

type Sized = Pick<Shard, 'format' | 'bytes'>;

/**
 * A shard with less text than this share of a chunk is small. For larger ones, scoring the text takes so much
 * longer than handling the files that a pack would gain nothing.
 */
const smallShare = 1 / 8;

/**
 * Few enough that a pack takes about a second: a killed worker loses that much, and a pack is scored again if
 * one of its shards changes.
 */
const shardsPerPack = 500;

/**
 * Estimates a shard's bytes of text by its size alone: compressed text takes a quarter, text in Parquet a
 * third.
 */
export function guessTextBytes({ format, bytes }: Sized): number {
  return (isCompressed(format) ? 4 : format === 'parquet' ? 3 : 1) * bytes;
}

/** Whether a shard belongs in a pack. */
export function isSmall(shard: Sized, chunkBytes: number): boolean {
  return guessTextBytes(shard) <= smallShare * chunkBytes;
}

/**
 * Puts small shards into packs of at most a chunk's text, in the given order. Pack numbers start at `first`.
 */
export function packShards<T extends Sized>(
  shards: readonly T[],
  chunkBytes: number,
  first: number,
): (T & { pack: number })[] {
  let pack = first;
  let [count, textBytes] = [0, 0];
  return shards.map((shard) => {
    const more = guessTextBytes(shard);
    if (count === shardsPerPack || (count > 0 && textBytes + more > chunkBytes)) {
      pack++;
      [count, textBytes] = [0, 0];
    }
    count++;
    textBytes += more;
    return { ...shard, pack };
  });
}
