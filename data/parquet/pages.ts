// Reads the texts of large Parquet pages in little memory. DuckDB, like other readers, holds a whole page,
// compressed and decompressed, and sometimes the previous one, too; and it writes pages of up to 100 MB. Here
// such a page is decompressed piece by piece if it is like DuckDB's: plain values, in Snappy, Zstandard,
// gzip, or uncompressed. All other pages, and damaged ones, are left to DuckDB: reading here may stop
// anywhere, and everything read until then is correct.

import { type ByteReader, openByteReader } from '../compression/byte-reader.ts';
import { readPieces } from '../files/files.ts';
import { gunzip } from '../compression/gzip.ts';
import type { Footer } from './footer.ts';
import type { SchemaNode } from './schema.ts';
import { maxHeaderBytes, type PageHeader, readPageHeader } from './page-header.ts';
import { decompressSnappy } from './snappy.ts';
import { readValues, type Text } from './values.ts';
import { openFastZstdDecompressor } from '../compression/zstd.ts';

/** Encodings, by their numbers in the format. */
const plain = 0;
const rle = 3;

type Pieces = AsyncIterable<Uint8Array>;

/** DuckDB reads smaller pages in little memory, too. */
export const largePageBytes = 16 << 20;
const lookBytes = 1 << 16;
/** Reading a page takes one byte per row. */
const maxRows = 1 << 20;

/** Decompressors by the codecs' numbers in the format. */
const decompressors: Readonly<Record<number, (pieces: Pieces) => Pieces | Promise<Pieces>>> = {
  0: (pieces) => pieces,
  1: decompressSnappy,
  2: gunzip,
  async 6(pieces) {
    const decompress = await openFastZstdDecompressor();
    if (decompress === undefined) throw new Error('there is no fast way to decompress Zstandard');
    return decompress(pieces);
  },
};

/** Where the pages of a row group's texts are, and how to read them; `optional`: texts may be null. */
export interface TextPages {
  group: number;
  codec: number;
  start: number;
  end: number;
  rows: number;
  optional: boolean;
}

/**
 * The row groups with texts of at least `minBytes` that `openPageTexts` may be able to read; only their
 * pages show whether it can.
 */
export function findTextPages(
  { groups }: Footer,
  { leaf, type, maxDefinition, maxRepetition }: SchemaNode,
  minBytes = largePageBytes,
): TextPages[] {
  if (type !== 'BYTE_ARRAY' || maxDefinition > 1 || maxRepetition > 0) return [];
  return groups.flatMap(({ rows, chunks }, group) => {
    const chunk = chunks[leaf];
    if (
      chunk === undefined ||
      chunk.uncompressedBytes < minBytes ||
      rows > maxRows ||
      !(chunk.codec in decompressors)
    )
      return [];
    return [
      { group, codec: chunk.codec, start: chunk.start, end: chunk.end, rows, optional: maxDefinition === 1 },
    ];
  });
}

/** Whether the first page is large; the others are usually similar. */
export async function haveLargePages(path: string, { start, end }: TextPages): Promise<boolean> {
  const bytes = openByteReader(readPieces(path, start, Math.min(end, start + lookBytes)));
  try {
    return (await nextPlainHeader(bytes)).uncompressedBytes >= largePageBytes;
  } catch {
    return false;
  } finally {
    await bytes.close();
  }
}

/** Reads the next header. Throws if it is not of a plain data page of version 1. */
async function nextPlainHeader(bytes: ByteReader): Promise<PageHeader> {
  for (let least = 256; least <= maxHeaderBytes; least *= 16) {
    const header = readPageHeader(await bytes.peek(least));
    if (header === undefined) continue;
    const { kind, v2, encoding, definitionEncoding } = header;
    if (kind !== 'data' || v2 !== undefined || encoding !== plain || definitionEncoding !== rle)
      throw new Error('it is not a plain data page of version 1');
    return header;
  }
  throw new Error('a page header has no end');
}

export interface PageTextReader {
  /** Takes the next texts, from one to `most`, valid until the next call. Throws if it cannot continue. */
  take(most: number): Promise<readonly Text[]>;
  close(): Promise<void>;
}

/**
 * Reads the texts of row groups in order, after skipping `passed` rows. Texts of more than `maxBytes` are
 * not held in memory.
 */
export function openPageTexts(
  path: string,
  groups: readonly TextPages[],
  passed: number,
  maxBytes: number,
): PageTextReader {
  const lists = readGroups(path, groups, maxBytes);
  // Invariant: the next text is list[at + toPass]; the index may reach into the lists that follow.
  let list: readonly Text[] = [];
  let at = 0;
  let toPass = passed;
  return {
    async take(most) {
      while (at + toPass >= list.length) {
        toPass -= list.length - at;
        const next = await lists.next();
        if (next.done === true) throw new Error('there are fewer texts than rows');
        list = next.value;
        at = 0;
      }
      at += toPass;
      toPass = 0;
      const taken = list.slice(at, at + most);
      at += taken.length;
      return taken;
    },
    async close() {
      await lists.return(undefined);
    },
  };
}

async function* readGroups(
  path: string,
  groups: readonly TextPages[],
  maxBytes: number,
): AsyncGenerator<Text[], undefined> {
  for (const { codec, start, end, rows, optional } of groups) {
    const bytes = openByteReader(readPieces(path, start, end));
    const decompress = decompressors[codec];
    if (decompress === undefined) throw new Error(`there is no decompressor for ${codec}`);
    try {
      for (let left = rows; left > 0;) {
        const page = await nextPlainHeader(bytes);
        if (page.values > left) throw new Error('a page has more values than its row group has rows');
        bytes.drop(page.headerBytes);
        const pageEnd = bytes.taken() + page.compressedBytes;
        yield* readValues(await decompress(bytes.take(page.compressedBytes)), page, optional, maxBytes);
        if (bytes.taken() !== pageEnd) throw new Error('a page ends before its bytes do');
        left -= page.values;
      }
    } finally {
      await bytes.close();
    }
  }
}
