// Reads a file of documents in any format.

import { readBytesOf } from './files/bytes.ts';
import type { DocumentBatch, Shard, ShardFormat } from './documents.ts';
import { defaultMaxLineBytes, readJsonl, type ReadOptions, tooLongReason } from './jsonl/jsonl.ts';
import { readLineBlocks } from './jsonl/lines.ts';
import { readParquet } from './parquet/read.ts';
import type { Quarantine } from './files/quarantine.ts';
import type { FieldNames } from '../run/settings.ts';

/**
 * Yields the documents of a shard or chunk in batches; invalid rows go to the quarantine. Returns the row
 * after the last. Errors: FILE_NOT_FOUND, FILE_UNREADABLE, COLUMN_MISSING.
 */
export function readShard(
  shard: Shard,
  fields: FieldNames,
  options: ReadOptions,
): AsyncGenerator<DocumentBatch, number> {
  return shard.format === 'parquet' ? readParquet(shard, fields, options) : readJsonl(shard, fields, options);
}

/** Yields the exact lines, without line feeds, of the wanted rows (ascending) of a JSON Lines shard. */
export async function* readRawRows(shard: Shard, wanted: Iterable<number>): AsyncGenerator<Uint8Array> {
  const rows = wanted[Symbol.iterator]();
  let next = rows.next();
  for await (const { position, bytes } of readLines(shard.path, shard.format)) {
    if (next.done === true) return;
    if (position !== next.value) continue;
    yield bytes;
    next = rows.next();
  }
}

/**
 * Yields the lines of a file (uncompressed, gz, or zst) with their numbers from 0. Lines that are too long go
 * to the quarantine. Errors: those of `readBytesOf`.
 */
export async function* readLines(
  path: string,
  format: ShardFormat,
  bad?: { quarantine: Quarantine; name: string },
): AsyncGenerator<{ position: number; bytes: Buffer }> {
  for await (const block of readLineBlocks(readBytesOf(path, format), defaultMaxLineBytes)) {
    if (block.tooLong) bad?.quarantine.add(bad.name, block.firstLine, tooLongReason(defaultMaxLineBytes));
    const { bytes } = block;
    let position = block.firstLine;
    for (let start = 0; start < bytes.length; position++) {
      const end = bytes.indexOf(0x0a, start);
      const stop = end < 0 ? bytes.length : end;
      yield { position, bytes: bytes.subarray(start, stop) };
      start = stop + 1;
    }
  }
}
