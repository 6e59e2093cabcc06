// Checks the optional page checksums of a Parquet file before DuckDB reads it, because DuckDB ignores them.

import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { openPool } from '../files/pool.ts';
import { openRegular } from '../../run/regular-file.ts';
import { maxHeaderBytes, type PageHeader, readPageHeader } from './page-header.ts';
import type { ByteSpan } from './copy.ts';

/** The pages of one column in one row group. */
export interface PageSpan extends ByteSpan {
  column: string;
  group: number;
}

const headerBytes = 1 << 10;
const pieceBytes = 1 << 20;
const buffers = openPool(2, () => Buffer.allocUnsafeSlow(pieceBytes));

/**
 * Checks the pages of the spans, in the file at `path`, against their checksums. Writers give either all
 * pages a checksum or none, so a span whose first page has none is skipped, which costs one small read.
 * Throws if a page is damaged.
 */
export async function checkPages(path: string, spans: readonly PageSpan[]): Promise<void> {
  const file = await openRegular(path);
  const buffer = buffers.take();
  try {
    for (const span of spans) {
      let at = span.start;
      while (at < span.end) {
        const page = await readHeaderAt(file, at, span.end);
        if (page?.crc === undefined) break;
        const bodyStart = at + page.headerBytes;
        const bodyEnd = bodyStart + page.compressedBytes;
        let crc = 0;
        for (let from = bodyStart; from < bodyEnd;) {
          const { bytesRead } = await file.read(buffer, 0, Math.min(pieceBytes, bodyEnd - from), from);
          if (bytesRead === 0) throw new Error('it ends early');
          crc = crc32(buffer.subarray(0, bytesRead), crc);
          from += bytesRead;
        }
        if (crc !== page.crc) throw damagedPage(at, span, wrongChecksum);
        at = bodyEnd;
      }
    }
  } finally {
    await file.close();
    buffers.give(buffer);
  }
}

export const wrongChecksum = 'it does not match its checksum';

/** An error that names the damaged page and the reason. */
export function damagedPage(at: number, { column, group }: PageSpan, reason: string): Error {
  return new Error(`the page at byte ${at} (row group ${group}, column "${column}") is damaged: ${reason}`);
}

/**
 * The page header at an offset; undefined if it is invalid, because the reader of the page gives a better
 * message.
 */
export async function readHeaderAt(
  file: FileHandle,
  at: number,
  end: number,
): Promise<PageHeader | undefined> {
  for (let bytes = headerBytes; ; bytes *= 16) {
    const look = Buffer.allocUnsafe(Math.min(bytes, end - at));
    const { bytesRead } = await file.read(look, 0, look.length, at);
    try {
      const header = readPageHeader(look.subarray(0, bytesRead));
      if (header !== undefined || bytes >= maxHeaderBytes || at + bytes >= end) return header;
    } catch {
      return undefined;
    }
  }
}
