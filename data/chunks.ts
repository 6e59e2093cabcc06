// Cuts a shard into chunks of about the same number of text bytes: row groups of Parquet, byte ranges of
// uncompressed JSON Lines. A compressed file can only be read from its start and is one chunk. Every row is
// in exactly one chunk, and the same file always gives the same chunks.

import { z } from 'zod';
import { count } from '../run/schemas.ts';
import { readBytesOf } from './files/bytes.ts';
import type { Chunk, Shard } from './documents.ts';
import { lineFeed } from './jsonl/lines.ts';
import { listRowGroups } from './parquet/read.ts';
import type { FieldNames } from '../run/settings.ts';

export const chunkSchema = z.strictObject({
  firstRow: count,
  endRow: count.optional(),
  startByte: count.optional(),
  endByte: count.optional(),
});

/** The chunks of a shard, in order; at least one. Errors: FILE_NOT_FOUND, FILE_UNREADABLE. */
export async function cutShard(shard: Shard, fields: FieldNames, chunkBytes: number): Promise<Chunk[]> {
  if (shard.format === 'parquet')
    return cutRowGroups(await listRowGroups(shard.path, fields.text), chunkBytes);
  return shard.format === 'jsonl' ? cutLines(shard, chunkBytes) : [{ firstRow: 0 }];
}

/** Puts as many row groups in each chunk as fit, at least one. */
function cutRowGroups(groups: readonly { rows: number; textBytes: number }[], chunkBytes: number): Chunk[] {
  const chunks: { firstRow: number; endRow: number }[] = [];
  let firstRow = 0;
  let endRow = 0;
  let bytes = 0;
  for (const { rows, textBytes } of groups) {
    if (bytes + textBytes > chunkBytes && endRow > firstRow) {
      chunks.push({ firstRow, endRow });
      firstRow = endRow;
      bytes = 0;
    }
    endRow += rows;
    bytes += textBytes;
  }
  return [...chunks, { firstRow, endRow }];
}

/**
 * Cuts ranges of whole lines. A file not much larger than a chunk stays whole; larger files have their lines
 * counted so that rows keep their numbers.
 */
async function cutLines(shard: Shard, chunkBytes: number): Promise<Chunk[]> {
  const chunks: Chunk[] = [];
  let startByte = 0;
  let firstRow = 0;
  if (shard.bytes > 1.5 * chunkBytes) {
    let at = 0;
    let row = 0;
    for await (const piece of readBytesOf(shard.path, shard.format, { start: 0, end: shard.bytes })) {
      for (let end = piece.indexOf(lineFeed); end >= 0; end = piece.indexOf(lineFeed, end + 1)) {
        row++;
        const next = at + end + 1;
        if (next - startByte < chunkBytes || shard.bytes - next < chunkBytes / 2) continue;
        chunks.push({ firstRow, startByte, endByte: next });
        startByte = next;
        firstRow = row;
      }
      at += piece.length;
    }
  }
  return [...chunks, { firstRow, startByte, endByte: shard.bytes }];
}
