// Reads the pages of a column chunk of any type, encoding, and codec: levels, and values as bytes.

import { crc32 } from 'node:zlib';
import type { FileHandle } from 'node:fs/promises';
import { isNativeError } from 'node:util/types';
import { reasonOf, systemCode } from '../../run/errors/errors.ts';
import { damagedPage, type PageSpan, readHeaderAt, wrongChecksum } from './checksums.ts';
import { decompressPage } from './codecs.ts';
import { plainEncoding, readEncoded } from './decode.ts';
import type { Indexed, Values } from './page-values.ts';
import type { SchemaNode } from './schema.ts';
import { bitsFor, readHybrid } from './hybrid.ts';
import type { PageHeader } from './page-header.ts';

export interface DataPage {
  /** Number of entries: values, nulls, and empty lists. */
  entries: number;
  /** Repetition and definition levels of the entries; undefined if the column has none. */
  repetition: Uint8Array | undefined;
  definition: Uint8Array | undefined;
  values: Values | Indexed;
}

/** A skipped page. */
export interface PassedPage {
  entries: number;
  values: undefined;
}

/** Limits that no real page exceeds: a few crafted bytes could claim any size. */
const maxPageBytes = 2 ** 30;
const maxPageEntries = 2 ** 27;

/**
 * Yields the pages of the chunk at `span`. `isWanted` receives the number of entries of each page; unwanted
 * pages are not read. Checks existing checksums. Throws if a page is damaged; the message names the page.
 */
export async function* readChunkPages(
  file: FileHandle,
  span: PageSpan,
  codec: number,
  leaf: SchemaNode,
  entries: number,
  isWanted: (entries: number) => boolean,
): AsyncGenerator<DataPage | PassedPage> {
  let dictionary: Values | undefined;
  let at = span.start;
  try {
    for (let left = entries; left > 0;) {
      const header = at < span.end ? await readHeaderAt(file, at, span.end) : undefined;
      if (header === undefined) throw new Error('it has no header');
      const { kind, values, crc, compressedBytes, uncompressedBytes } = header;
      const body = at + header.headerBytes;
      if (
        body + compressedBytes > span.end ||
        uncompressedBytes > maxPageBytes ||
        values > maxPageEntries ||
        values > left
      )
        throw new Error('it has an impossible size');
      if (kind === 'data' && !isWanted(values)) {
        left -= values;
        yield { entries: values, values: undefined };
      } else if (kind !== 'index') {
        const bytes = Buffer.allocUnsafeSlow(compressedBytes);
        const { bytesRead } = await file.read(bytes, 0, bytes.length, body);
        if (bytesRead < bytes.length) throw new Error('it ends early');
        if (crc !== undefined && crc32(bytes, 0) !== crc) throw new Error(wrongChecksum);
        if (kind === 'dictionary')
          dictionary = readDictionary(decompressPage(codec, bytes, uncompressedBytes), values, leaf);
        else {
          left -= values;
          yield readDataPage(header, bytes, codec, leaf, dictionary);
        }
      }
      at = body + compressedBytes;
    }
  } catch (error) {
    throw isNativeError(error) && systemCode(error) === '' ? damagedPage(at, span, reasonOf(error)) : error;
  }
}

function readDictionary(bytes: Uint8Array, count: number, leaf: SchemaNode): Values {
  const values = readEncoded(bytes, plainEncoding, count, leafType(leaf), leaf.typeLength, undefined);
  if ('indices' in values) throw new Error('it is not a dictionary of values');
  return values;
}

function readDataPage(
  header: PageHeader,
  bytes: Uint8Array,
  codec: number,
  leaf: SchemaNode,
  dictionary: Values | undefined,
): DataPage {
  const { v2, values: entries } = header;
  const { maxDefinition, maxRepetition } = leaf;
  let [repetition, definition]: [Uint8Array | undefined, Uint8Array | undefined] = [undefined, undefined];
  let rest: Uint8Array;
  if (v2 !== undefined) {
    const levels = v2.repetitionBytes + v2.definitionBytes;
    if (levels > bytes.length || levels > header.uncompressedBytes)
      throw new Error('its levels extend beyond its end');
    repetition = readLevels(bytes.subarray(0, v2.repetitionBytes), maxRepetition, entries);
    definition = readLevels(bytes.subarray(v2.repetitionBytes, levels), maxDefinition, entries);
    rest = decompressPage(
      v2.isCompressed ? codec : 0,
      bytes.subarray(levels),
      header.uncompressedBytes - levels,
    );
  } else {
    rest = decompressPage(codec, bytes, header.uncompressedBytes);
    const take = (most: number, encoding: number): Uint8Array | undefined => {
      if (most === 0) return undefined;
      if (encoding !== runsEncoding) throw new Error(`level encoding ${encoding} is not supported`);
      const end =
        rest.length < 4 ? Infinity : 4 + new DataView(rest.buffer, rest.byteOffset).getUint32(0, true);
      if (end > rest.length) throw new Error('its levels extend beyond its end');
      const levels = readLevels(rest.subarray(4, end), most, entries);
      rest = rest.subarray(end);
      return levels;
    };
    repetition = take(maxRepetition, header.repetitionEncoding);
    definition = take(maxDefinition, header.definitionEncoding);
  }
  const count = definition === undefined ? entries : countOf(definition, maxDefinition);
  return {
    entries,
    repetition,
    definition,
    values: readEncoded(rest, header.encoding, count, leafType(leaf), leaf.typeLength, dictionary),
  };
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
