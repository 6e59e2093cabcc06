// Small shards are scored together: some hundred of them make a pack, which is one task with one part, one
// card and one line in the manifest. Promises: a shard stays in the pack it was put into, whatever shards
// come later.

import type { Shard } from '../data/documents.ts';
import { isCompressed } from '../data/shards.ts';

type Sized = Pick<Shard, 'format' | 'bytes'>;

/**
 * A shard of less text than this share of a chunk is small. Of larger ones the text takes so much longer than
 * the files that a pack would gain nothing.
 */
const smallShare = 1 / 8;

/**
 * So that a worker that is killed loses a second of work, and the shards of a pack of which one has changed
 * are scored again as fast.
 */
const shardsPerPack = 500;

/**
 * About how many bytes of text a shard has, by its size alone: compressed text takes a quarter, the text of a
 * Parquet file a third.
 */
export function guessTextBytes({ format, bytes }: Sized): number {
  return (isCompressed(format) ? 4 : format === 'parquet' ? 3 : 1) * bytes;
}

/** Whether a shard belongs in a pack. */
export function isSmall(shard: Sized, chunkBytes: number): boolean {
  return guessTextBytes(shard) <= smallShare * chunkBytes;
}

/**
 * Puts small shards into packs of at most a chunk's text, in the order given. The packs' numbers begin with
 * `first`.
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
