// Reads the bytes of a file, decompressed by its format, no faster than they are consumed. A file whose first
// bytes do not match its name is rejected.

import { openByteReader } from '../compression/byte-reader.ts';
import type { ShardFormat } from '../documents.ts';
import { BetrError, readError } from '../../run/errors/errors.ts';
import { foreignKind, jsonDocumentKind, lookBytes } from './file-kind.ts';
import { readPieces } from './files.ts';
import { gunzip } from '../compression/gzip.ts';
import { openZstdDecompressor } from '../compression/zstd.ts';
import { showPath } from '../../run/address.ts';

/** The bytes [start, end). */
export interface ByteRange {
  start: number;
  end: number;
}

/**
 * Yields the content of a JSON Lines file, or of a range of its bytes, in pieces; a piece is valid until the
 * next is requested. Errors: FILE_NOT_FOUND, FILE_UNREADABLE (also for a damaged or truncated compressed
 * file, and for a file whose content does not match its name).
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

/** The same for a file that may contain one JSON document. */
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
  const open = decompressors[format];
  if (open === undefined) yield* checked;
  else yield* refusing((await open())(checked), (start) => foreignKind(start, 'jsonl', true));
}

type Decompress = (pieces: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;

/** How each format is decompressed; undefined for formats that are not compressed as a whole. */
const decompressors: Readonly<Record<ShardFormat, (() => Decompress | Promise<Decompress>) | undefined>> = {
  jsonl: undefined,
  'jsonl.gz': () => gunzip,
  'jsonl.zst': openZstdDecompressor,
  parquet: undefined,
};

/**
 * Yields the pieces unchanged; throws if `reasonAgainst` rejects their start. `isWhole`: the start is
 * everything.
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
 * What a file is instead of its format, by its first bytes; undefined if they do not show it or cannot be
 * read.
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
