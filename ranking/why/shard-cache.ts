// Caches the texts of small shards in memory, so that later questions need not read the file. Shards are read
// between questions, one at a time.

import { setTimeout } from 'node:timers/promises';
import { openBoundedCache } from '../../data/files/bounded-cache.ts';
import type { Shard } from '../../data/documents.ts';
import { ignoredRows } from '../../data/files/quarantine.ts';
import { readShard } from '../../data/read.ts';
import type { FieldNames } from '../../run/settings.ts';

export interface CachedShard {
  /** All texts, concatenated, and where each row's text begins and ends. */
  texts: Buffer;
  starts: number[];
  ends: number[];
}

export interface CachedShards {
  get(shard: Shard): CachedShard | undefined;
  /**
   * Reads the shard when there is time, unless it is cached or too large. Ignores read errors; callers that
   * ask for its texts get them.
   */
  readSoon(shard: Shard): void;
  /** Reads no more; resolves when the reading that was under way has stopped. */
  close(): Promise<void>;
}

export interface CacheLimits {
  shardBytes: number;
  bytes: number;
}

/** A copy of the text at a row, to be transferred to another thread; undefined if the row has none. */
export function readCachedText({ texts, starts, ends }: CachedShard, row: number): Uint8Array | undefined {
  const [start, end] = [starts[row], ends[row]];
  return start === undefined || end === undefined ? undefined : new Uint8Array(texts.subarray(start, end));
}

/** `isBusy`: whether requests need the processor now. */
export function openCachedShards(
  fields: FieldNames,
  limits: CacheLimits,
  isBusy: () => boolean,
): CachedShards {
  const cached = openBoundedCache<string, CachedShard>(
    limits.bytes,
    ({ texts, ends }) => texts.length + 16 * ends.length,
  );
  // Too large, or being read.
  const passedOver = openBoundedCache<string, true>(10_000);
  let last = Promise.resolve();
  let closed = false;

  const keep = async (shard: Shard): Promise<void> => {
    const read = await readWholeShard(shard, fields, limits.shardBytes, async () => {
      while (!closed && isBusy()) await setTimeout(10);
      return !closed;
    });
    if (read === undefined) return;
    cached.set(keyOf(shard), read);
    passedOver.delete(keyOf(shard));
  };

  return {
    get: (shard) => cached.get(keyOf(shard)),
    readSoon(shard) {
      const key = keyOf(shard);
      if (shard.bytes > limits.shardBytes || cached.get(key) !== undefined || passedOver.get(key) === true)
        return;
      passedOver.set(key, true);
      last = last
        .then(() => (closed ? undefined : keep(shard)))
        .catch(() => {
          passedOver.delete(key);
        });
    },
    close() {
      closed = true;
      return last;
    },
  };
}

/**
 * The texts of a shard; undefined if they exceed `mostBytes`, or if `giveWay`, which is awaited between batches,
 * returns false. Errors: those of readShard.
 */
async function readWholeShard(
  shard: Shard,
  fields: FieldNames,
  mostBytes: number,
  giveWay: () => Promise<boolean>,
): Promise<CachedShard | undefined> {
  const pieces: Buffer[] = [];
  const [starts, ends]: [number[], number[]] = [[], []];
  let length = 0;
  for await (const { count, rows, text, textEnds } of readShard(shard, fields, { quarantine: ignoredRows })) {
    if (length + text.length > mostBytes) return undefined;
    for (let i = 0; i < count; i++) {
      const row = rows[i] ?? 0;
      starts[row] = length + (textEnds[i - 1] ?? 0);
      ends[row] = length + (textEnds[i] ?? 0);
    }
    pieces.push(Buffer.from(text));
    length += text.length;
    if (!(await giveWay())) return undefined;
  }
  return { texts: Buffer.concat(pieces), starts, ends };
}

function keyOf({ path, bytes, modifiedMs }: Shard): string {
  return JSON.stringify([path, bytes, modifiedMs]);
}
