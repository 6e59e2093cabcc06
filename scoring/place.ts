// Finds readable places in the middle of a shard.

import { readBytesOf } from '../data/files/bytes.ts';
import type { Chunk, Shard } from '../data/documents.ts';
import { lineFeed } from '../data/jsonl/lines.ts';
import { listRowGroups } from '../data/parquet/read.ts';
import type { FieldNames } from '../run/settings.ts';

/** Size of the first window in which the next line is searched. */
const lookBytes = 1 << 16;
/** Compressed bytes on which the expansion of a file is measured. */
const expansionBytes = 1 << 20;

export interface Place {
  chunk: Chunk;
  /** Bytes of the file that the chunk's first `rows` rows take. */
  bytesOfRows: (rows: number) => number | Promise<number>;
}

/**
 * The row group, or about `bytes` bytes of lines, at a place of the shard (0 to 1); for a compressed file,
 * all of it. Errors: those of reading.
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
  // The row number does not matter, except that only a file's first row can follow a byte-order mark.
  return {
    chunk: { firstRow: startByte === 0 ? 0 : 1, startByte, endByte },
    bytesOfRows: () => endByte - startByte,
  };
}

/** The start of the first line after a position; undefined if no line starts after it. */
async function findLineStart(shard: Shard, from: number): Promise<number | undefined> {
  let at = from;
  // Most lines are short; the window doubles for long ones.
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

/** Decompressed bytes of the first `lines` lines. */
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

/** Decompressed bytes per compressed byte, measured at the file's beginning. */
async function measureExpansion(shard: Shard): Promise<number> {
  const end = Math.min(shard.bytes, expansionBytes);
  let bytes = 0;
  try {
    for await (const piece of readBytesOf(shard.path, shard.format, { start: 0, end })) bytes += piece.length;
  } catch (error) {
    // A truncated stream is expected here.
    if (end === shard.bytes) throw error;
  }
  return bytes / end;
}
