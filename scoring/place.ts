// Places in the middle of a shard, where it can be entered there.

import { readBytesOf } from '../data/files/bytes.ts';
import type { Chunk, Shard } from '../data/documents.ts';
import { lineFeed } from '../data/jsonl/lines.ts';
import { listRowGroups } from '../data/parquet/read.ts';
import type { FieldNames } from '../run/settings.ts';

/** Bytes in which the next line is looked for first. */
const lookBytes = 1 << 16;
/** Compressed bytes by which it is measured how far a file expands. */
const expansionBytes = 1 << 20;

export interface Place {
  chunk: Chunk;
  /** Bytes of the file that the chunk's first rows take. */
  bytesOfRows: (rows: number) => number | Promise<number>;
}

/**
 * The row group, or the lines of about so many bytes, at a place of the shard, 0 to 1; all of a compressed
 * file. Errors: those of reading.
 */
export async function findPlace(
  fields: FieldNames,
  shard: Shard,
  place: number,
  bytes: number,
): Promise<Place> {
  if (shard.format === 'parquet') {
    const groups = await listRowGroups(shard.path, fields.text);
    const rows = groups.reduce((sum, group) => sum + group.rows, 0);
    let firstRow = 0;
    for (const group of groups) {
      if (firstRow + group.rows > place * rows)
        return {
          chunk: { firstRow, endRow: firstRow + group.rows },
          bytesOfRows: (read) => (shard.bytes * read) / rows,
        };
      firstRow += group.rows;
    }
    return { chunk: { firstRow: 0, endRow: rows }, bytesOfRows: () => shard.bytes };
  }
  if (shard.format !== 'jsonl')
    return {
      chunk: { firstRow: 0 },
      bytesOfRows: async (rows) => (await bytesOfLines(shard, rows)) / (await measureExpansion(shard)),
    };
  const startByte = (await findLineStart(shard, Math.floor(place * shard.bytes))) ?? 0;
  const endByte = (await findLineStart(shard, startByte + bytes)) ?? shard.bytes;
  // Whichever row it is: only a file's first one can have a mark before it.
  return {
    chunk: { firstRow: startByte === 0 ? 0 : 1, startByte, endByte },
    bytesOfRows: () => endByte - startByte,
  };
}

/** The start of the first line after a place; undefined where no other begins after it. */
async function findLineStart(shard: Shard, from: number): Promise<number | undefined> {
  let at = from;
  // Most lines are short; of a long one ever more is looked at.
  for (let end = from + lookBytes; at < shard.bytes; end += end - from) {
    for await (const piece of readBytesOf(shard.path, shard.format, {
      start: at,
      end: Math.min(end, shard.bytes),
    })) {
      const found = piece.indexOf(lineFeed);
      if (found >= 0 && at + found + 1 < shard.bytes) return at + found + 1;
      at += piece.length;
    }
  }
  return undefined;
}

/** Bytes, decompressed, of the first so many lines. */
async function bytesOfLines(shard: Shard, lines: number): Promise<number> {
  let [bytes, seen] = [0, 0];
  for await (const piece of readBytesOf(shard.path, shard.format)) {
    for (let end = piece.indexOf(lineFeed); end >= 0; end = piece.indexOf(lineFeed, end + 1)) {
      seen++;
      if (seen === lines) return bytes + end + 1;
    }
    bytes += piece.length;
  }
  return bytes;
}

/** Bytes that a byte of a compressed file decompresses to, by its beginning. */
async function measureExpansion(shard: Shard): Promise<number> {
  const end = Math.min(shard.bytes, expansionBytes);
  let bytes = 0;
  try {
    for await (const piece of readBytesOf(shard.path, shard.format, { start: 0, end })) bytes += piece.length;
  } catch (error) {
    // A beginning ends in the middle.
    if (end === shard.bytes) throw error;
  }
  return bytes / end;
}
