// Small shards of lines, kept decompressed, so that a second question about one need not read it from its beginning. They are read between the
// questions, one at a time.

import { setTimeout } from 'node:timers/promises';
import { openBoundedCache } from '../data/bounded-cache.ts';
import { readBytesOf } from '../data/bytes.ts';
import type { Shard } from '../data/documents.ts';
import { readText } from '../data/json-line.ts';
import { defaultMaxLineBytes } from '../data/jsonl.ts';
import { lineFeed, readLineBlocks } from '../data/lines.ts';

export interface KeptShard {
  bytes: Buffer;
  /** Of each line; after the last, where the bytes end. */
  lineStarts: number[];
}

export interface KeptShards {
  get(shard: Shard): KeptShard | undefined;
  /** Reads the shard when there is time, unless it is kept, too large, or not made of lines. What cannot be read is left to who asks for its texts. */
  keepSoon(shard: Shard): void;
}

export interface KeptLimits {
  shardBytes: number;
  bytes: number;
}

/** The document's text at a row; undefined where the row has none. */
export function readKeptText({ bytes, lineStarts }: KeptShard, row: number, textField: string): string | undefined {
  return readText(bytes.subarray(lineStarts[row] ?? bytes.length, lineStarts[row + 1] ?? bytes.length), textField);
}

/** `isBusy` says that others want the processor now. */
export function openKeptShards(limits: KeptLimits, isBusy: () => boolean): KeptShards {
  const kept = openBoundedCache<string, KeptShard>(limits.bytes, ({ bytes, lineStarts }) => bytes.length + 8 * lineStarts.length);
  // Too large, or under way.
  const passedOver = openBoundedCache<string, true>(10_000);
  let last = Promise.resolve();

  const keep = async (shard: Shard): Promise<void> => {
    const read = await readLines(shard, limits.shardBytes, async () => {
      while (isBusy()) await setTimeout(10);
    });
    if (read === undefined) return;
    kept.set(keyOf(shard), read);
    passedOver.delete(keyOf(shard));
  };

  return {
    get: (shard) => kept.get(keyOf(shard)),
    keepSoon(shard) {
      const key = keyOf(shard);
      if (shard.format === 'parquet' || shard.bytes > limits.shardBytes || kept.get(key) !== undefined || passedOver.get(key) === true) return;
      passedOver.set(key, true);
      last = last.then(() => keep(shard)).catch(() => passedOver.delete(key));
    },
  };
}

/** The lines of a shard; undefined where there is more of them than `mostBytes`. `giveWay` is waited for between pieces. Errors: those of readBytesOf. */
async function readLines(shard: Shard, mostBytes: number, giveWay: () => Promise<void>): Promise<KeptShard | undefined> {
  const pieces: Buffer[] = [];
  const lineStarts = [0];
  let length = 0;
  for await (const { bytes, tooLong } of readLineBlocks(readBytesOf(shard.path, shard.format), defaultMaxLineBytes)) {
    if (length + bytes.length > mostBytes) return undefined;
    if (tooLong) lineStarts.push(length);
    for (let start = 0; start < bytes.length; lineStarts.push(length + start)) {
      const end = bytes.indexOf(lineFeed, start);
      start = end < 0 ? bytes.length : end + 1;
    }
    pieces.push(Buffer.from(bytes));
    length += bytes.length;
    await giveWay();
  }
  return { bytes: Buffer.concat(pieces), lineStarts };
}

function keyOf({ path, bytes, modifiedMs }: Shard): string {
  return JSON.stringify([path, bytes, modifiedMs]);
}
