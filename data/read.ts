// Reads any file of documents, whatever its format.

import { readBytesOf } from './bytes.ts';
import type { DocumentBatch, Shard } from './documents.ts';
import { fail } from './errors.ts';
import { parseRow } from './json-line.ts';
import { defaultMaxLineBytes, readJsonl, type ReadOptions, tooLongReason } from './jsonl.ts';
import { readLineBlocks } from './lines.ts';
import { readParquet } from './parquet/read.ts';
import type { Quarantine } from './quarantine.ts';
import type { FieldNames } from './settings.ts';
import { formatOf } from './shards.ts';

/** The documents of a shard, or of a chunk of it, in batches; bad rows go to the quarantine. Returns the row after the last. Errors: FILE_NOT_FOUND, FILE_UNREADABLE, COLUMN_MISSING. */
export function readShard(shard: Shard, fields: FieldNames, options: ReadOptions): AsyncGenerator<DocumentBatch, number> {
  return shard.format === 'parquet' ? readParquet(shard, fields, options) : readJsonl(shard, fields, options);
}

/** The rows of a small JSON Lines file (plain, gz or zst) as objects, such as a benchmark's. Bad rows go to the quarantine, under the file's `name`. */
export async function* readRows(path: string, quarantine: Quarantine, name = path): AsyncGenerator<{ position: number; row: Record<string, unknown> }> {
  for await (const { position, bytes } of readLines(path, { quarantine, name })) {
    const row = parseRow(bytes);
    if (typeof row === 'string') quarantine.add(name, position, row, bytes.toString('utf8', 0, 800));
    else if (row !== undefined) yield { position, row };
  }
}

/** The lines, byte for byte and without their line feeds, of the wanted rows (ascending) of a JSON Lines shard. */
export async function* readRawRows(shard: Shard, wanted: Iterable<number>): AsyncGenerator<Uint8Array> {
  const rows = wanted[Symbol.iterator]();
  let next = rows.next();
  for await (const { position, bytes } of readLines(shard.path)) {
    if (next.done === true) return;
    if (position !== next.value) continue;
    yield bytes;
    next = rows.next();
  }
}

async function* readLines(path: string, bad?: { quarantine: Quarantine; name: string }): AsyncGenerator<{ position: number; bytes: Buffer }> {
  const format = formatOf(path);
  if (format === 'parquet') throw fail('FILE_UNREADABLE', { path, reason: 'examples are read from JSON Lines, not from Parquet' });
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
