// The bytes of a file, decompressed where its format says so, read no faster than they are used. A file that
// is not what its name says is refused by its first bytes.

import { openByteReader } from '../compression/byte-reader.ts';
import type { ShardFormat } from '../documents.ts';
import { BetrError, readError } from '../../run/errors/errors.ts';
import { foreignKind, jsonDocumentKind, lookBytes } from './file-kind.ts';
import { readPieces } from './files.ts';
import { gunzip } from '../compression/gzip.ts';
import { openZstdDecompressor } from '../compression/zstd.ts';
import { showPath } from '../../run/address.ts';

/** Bytes from `start` up to, not with, `end`. */
export interface ByteRange {
  start: number;
  end: number;
}

/**
 * Yields the content of a JSON Lines file piece by piece, or of a range of its bytes; a piece is of use until
 * the next is asked for. Errors: FILE_NOT_FOUND, FILE_UNREADABLE (also for a compressed file that is damaged
 * or cut short, and for a file of another kind than its name says).
 */
export async function* readBytesOf(
  path: string,
  format: ShardFormat,
  range?: ByteRange,
): AsyncGenerator<Uint8Array> {
  const isFromStart = (range?.start ?? 0) === 0;
  yield* reading(path, async function* () {
    yield* isFromStart
      ? refusing(readContent(path, format, range), jsonDocumentKind)
      : readContent(path, format, range);
  });
}

/** The same for a file whose content may be one JSON document. */
export async function* readAnyBytesOf(path: string, format: ShardFormat): AsyncGenerator<Uint8Array> {
  yield* reading(path, () => readContent(path, format, undefined));
}

async function* reading(path: string, read: () => AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* read();
  } catch (error) {
    if (error instanceof BetrError) throw error;
    throw readError(error, showPath(path));
  }
}

async function* readContent(
  path: string,
  format: ShardFormat,
  range: ByteRange | undefined,
): AsyncGenerator<Uint8Array> {
  const pieces = readPieces(path, range?.start, range?.end);
  if ((range?.start ?? 0) > 0) {
    yield* pieces;
    return;
  }
  const checked = refusing(pieces, (start) =>
    start.length === 0 && format !== 'jsonl' ? 'it is empty' : foreignKind(start, format),
  );
  if (format === 'jsonl.gz' || format === 'jsonl.zst') {
    const content = format === 'jsonl.gz' ? gunzip(checked) : (await openZstdDecompressor())(checked);
    yield* refusing(content, (start) => foreignKind(start, 'jsonl', true));
  } else yield* checked;
}

/**
 * The pieces as they are; throws the reason where the beginning has one to refuse them. `isWhole`: the
 * beginning is all there is.
 */
async function* refusing(
  pieces: AsyncIterable<Uint8Array>,
  reasonAgainst: (start: Uint8Array, isWhole: boolean) => string | undefined,
): AsyncGenerator<Uint8Array> {
  const bytes = openByteReader(pieces);
  try {
    const start = await bytes.peek(lookBytes);
    const reason = reasonAgainst(start.subarray(0, lookBytes), start.length < lookBytes);
    if (reason !== undefined) throw new Error(reason);
    yield* bytes.rest();
  } finally {
    await bytes.close();
  }
}

/**
 * What a file is that is not of its format, by its first bytes; undefined where these do not tell, or cannot
 * be read.
 */
export async function findForeignKind(path: string, format: ShardFormat): Promise<string | undefined> {
  const bytes = openByteReader(readPieces(path, 0, lookBytes));
  try {
    return foreignKind(await bytes.peek(lookBytes), format);
  } catch {
    return undefined;
  } finally {
    await bytes.close();
  }
}
