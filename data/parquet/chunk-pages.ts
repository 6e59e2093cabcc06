// The pages of a column chunk, of any type, encoding and codec: their levels, and their values as bytes.

import type { FileHandle } from 'node:fs/promises';
import { crc32, damagedPage, type PageSpan, readHeaderAt } from './checksums.ts';
import { decompressPage } from './codecs.ts';
import { type Indexed, plainEncoding, readEncoded, type Values } from './decode.ts';
import type { SchemaNode } from './footer.ts';
import { bitsFor, readHybrid } from './hybrid.ts';
import type { PageHeader } from './page-header.ts';

export interface DataPage {
  /** Entries: values, missing ones, and empty lists. */
  entries: number;
  /** Of each entry; undefined where the column has none. */
  repetition: Uint8Array | undefined;
  definition: Uint8Array | undefined;
  values: Values | Indexed;
}

/** A page that was passed over. */
export interface PassedPage {
  entries: number;
  values: undefined;
}

/** More than this is no page, but a few bytes that decompress to whatever was made up. */
const mostPageBytes = 2 ** 30;

/**
 * The pages of the chunk at `span`, of which those are not read that `isWanted` does not want (asked by their number of entries). Checksums that are there are checked.
 * Throws where a page is damaged.
 */
export async function* readChunkPages(file: FileHandle, span: PageSpan, codec: number, leaf: SchemaNode, entries: number, isWanted: (entries: number) => boolean): AsyncGenerator<DataPage | PassedPage> {
  let dictionary: Values | undefined;
  let left = entries;
  for (let at = span.start; left > 0; ) {
    const header = at < span.end ? await readHeaderAt(file, at, span.end) : undefined;
    if (header === undefined) throw new Error(`there is no page at byte ${at} (row group ${span.group}, column "${span.column}")`);
    const body = at + header.headerBytes;
    if (body + header.compressedBytes > span.end || header.uncompressedBytes > mostPageBytes) throw new Error(`the page at byte ${at} (row group ${span.group}, column "${span.column}") has a size that cannot be`);
    const read = async (): Promise<Uint8Array> => {
      const bytes = Buffer.allocUnsafeSlow(header.compressedBytes);
      const { bytesRead } = await file.read(bytes, 0, bytes.length, body);
      if (bytesRead < bytes.length) throw new Error('it ends early');
      if (header.crc !== undefined && crc32(bytes, 0) !== header.crc) throw damagedPage(at, span);
      return bytes;
    };
    if (header.kind === 'dictionary') {
      const plain = readEncoded(decompressPage(codec, await read(), header.uncompressedBytes), plainEncoding, header.values, leafType(leaf), leaf.typeLength, undefined);
      if ('indices' in plain) throw new Error('a dictionary has no values');
      dictionary = plain;
    } else if (header.kind === 'data') {
      if (header.values > left) throw new Error('a column has more values than its row group says');
      left -= header.values;
      yield isWanted(header.values) ? readDataPage(header, await read(), codec, leaf, dictionary) : { entries: header.values, values: undefined };
    }
    at = body + header.compressedBytes;
  }
}

function readDataPage(header: PageHeader, bytes: Uint8Array, codec: number, leaf: SchemaNode, dictionary: Values | undefined): DataPage {
  const { v2, values: entries } = header;
  const { maxDefinition, maxRepetition } = leaf;
  let [repetition, definition]: [Uint8Array | undefined, Uint8Array | undefined] = [undefined, undefined];
  let rest: Uint8Array;
  if (v2 !== undefined) {
    const levels = v2.repetitionBytes + v2.definitionBytes;
    if (levels > bytes.length || levels > header.uncompressedBytes) throw new Error('a page has levels beyond its end');
    repetition = readLevels(bytes.subarray(0, v2.repetitionBytes), maxRepetition, entries);
    definition = readLevels(bytes.subarray(v2.repetitionBytes, levels), maxDefinition, entries);
    rest = decompressPage(v2.isCompressed ? codec : 0, bytes.subarray(levels), header.uncompressedBytes - levels);
  } else {
    rest = decompressPage(codec, bytes, header.uncompressedBytes);
    const take = (most: number, encoding: number): Uint8Array | undefined => {
      if (most === 0) return undefined;
      if (encoding !== runsEncoding) throw new Error(`levels in encoding ${encoding} are not known`);
      const end = rest.length < 4 ? Infinity : 4 + new DataView(rest.buffer, rest.byteOffset).getUint32(0, true);
      if (end > rest.length) throw new Error('a page has levels beyond its end');
      const levels = readLevels(rest.subarray(4, end), most, entries);
      rest = rest.subarray(end);
      return levels;
    };
    repetition = take(maxRepetition, header.repetitionEncoding);
    definition = take(maxDefinition, header.definitionEncoding);
  }
  const count = definition === undefined ? entries : countOf(definition, maxDefinition);
  return { entries, repetition, definition, values: readEncoded(rest, header.encoding, count, leafType(leaf), leaf.typeLength, dictionary) };
}

const runsEncoding = 3;

function readLevels(bytes: Uint8Array, most: number, entries: number): Uint8Array | undefined {
  if (most === 0) return undefined;
  const levels = new Uint8Array(entries);
  readHybrid(bytes, bitsFor(most), entries, levels);
  return levels;
}

function countOf(levels: Uint8Array, level: number): number {
  let count = 0;
  for (const own of levels) if (own === level) count++;
  return count;
}

function leafType({ type }: SchemaNode): NonNullable<SchemaNode['type']> {
  if (type === undefined) throw new Error('a column has no type');
  return type;
}
