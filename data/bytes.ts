// The bytes of a file, decompressed where its format says so, read no faster than they are used.

import { pipeline } from 'node:stream';
import { createGunzip } from 'node:zlib';
import type { ShardFormat } from './documents.ts';
import { BetrError, fail, reasonOf, systemCode } from './errors.ts';
import { copyPieces, readPieces } from './files.ts';
import { showPath } from './remote/store.ts';
import { openZstdDecompressor } from './zstd.ts';

const pieceBytes = 1 << 20;

/** Bytes from `start` up to, not with, `end`. */
export interface ByteRange {
  start: number;
  end: number;
}

/**
 * Yields the file's content piece by piece, or what a range of its bytes is; a piece is of use until the next is asked for.
 * Errors: FILE_NOT_FOUND, FILE_UNREADABLE (also for a compressed file that is damaged or cut short).
 */
export async function* readBytesOf(path: string, format: ShardFormat, range?: ByteRange): AsyncGenerator<Uint8Array> {
  try {
    yield* await openPieces(path, format, range);
  } catch (error) {
    if (error instanceof BetrError) throw error;
    if (systemCode(error) === 'ENOENT') throw fail('FILE_NOT_FOUND', { path: showPath(path), what: 'The file' }, error);
    throw fail('FILE_UNREADABLE', { path: showPath(path), reason: reasonOf(error) }, error);
  }
}

async function openPieces(path: string, format: ShardFormat, range: ByteRange | undefined): Promise<AsyncIterable<Uint8Array>> {
  const pieces = readPieces(path, range?.start, range?.end);
  if (format === 'jsonl.zst') return (await openZstdDecompressor())(pieces);
  // A stream may have one still in hand as it asks for the next.
  return format === 'jsonl.gz' ? pipeline(copyPieces(pieces), createGunzip({ chunkSize: pieceBytes }), () => undefined) : pieces;
}
