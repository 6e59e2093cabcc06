// Reads the header of a Parquet page: the struct PageHeader of parquet.thrift.

import { cutShort, openCursor } from './cursor.ts';
import { type FieldReader, integerReader, readStruct } from './thrift.ts';

/** Fields that only data pages of version 2 have. */
export interface PageV2 {
  rows: number;
  nulls: number;
  definitionBytes: number;
  repetitionBytes: number;
  isCompressed: boolean;
}

export interface PageHeader {
  kind: 'data' | 'dictionary' | 'index';
  /** Size of the header itself. */
  headerBytes: number;
  compressedBytes: number;
  uncompressedBytes: number;
  /** Checksum of the page's bytes in the file, if the writer added one. */
  crc: number | undefined;
  values: number;
  /** Encodings of the values and, in data pages of version 1, of the levels. */
  encoding: number;
  definitionEncoding: number;
  repetitionEncoding: number;
  v2: PageV2 | undefined;
}

/** The largest header: its statistics may contain a long string. */
export const maxHeaderBytes = 1 << 20;

const kinds: readonly PageHeader['kind'][] = ['data', 'index', 'dictionary', 'data'];

/** Reads a header from its first bytes; undefined if more bytes are needed. Throws if it is damaged. */
export function readPageHeader(bytes: Uint8Array): PageHeader | undefined {
  const cursor = openCursor(bytes);
  const own = new Map<number, number>();
  const inner = new Map<number, number>();
  let isCompressed = true;
  const integers = (fields: Map<number, number>, last: number): Record<number, FieldReader> =>
    Object.fromEntries(
      Array.from({ length: last }, (_, i) => [
        i + 1,
        integerReader(cursor, (value) => fields.set(i + 1, value)),
      ]),
    );
  const readInner =
    (readers: Record<number, FieldReader>): FieldReader =>
    () =>
      readStruct(cursor, readers, 1);
  try {
    readStruct(cursor, {
      ...integers(own, 4),
      5: readInner(integers(inner, 4)),
      7: readInner(integers(inner, 2)),
      8: readInner({ ...integers(inner, 6), 7: (type) => void (isCompressed = type === 1) }),
    });
  } catch (error) {
    if (error === cutShort) return undefined;
    throw error;
  }
  const type = own.get(1) ?? -1;
  const kind = kinds[type];
  if (kind === undefined) throw new Error('a page has an unknown type');
  const v2 =
    type !== 3
      ? undefined
      : {
          rows: size(inner.get(3)),
          nulls: size(inner.get(2)),
          definitionBytes: size(inner.get(5)),
          repetitionBytes: size(inner.get(6)),
          isCompressed,
        };
  const crc = own.get(4);
  return {
    kind,
    headerBytes: cursor.at(),
    compressedBytes: size(own.get(3)),
    uncompressedBytes: size(own.get(2)),
    crc: crc === undefined ? undefined : crc >>> 0,
    values: kind === 'index' ? 0 : size(inner.get(1)),
    encoding: inner.get(v2 === undefined ? 2 : 4) ?? -1,
    definitionEncoding: inner.get(3) ?? -1,
    repetitionEncoding: inner.get(4) ?? -1,
    v2,
  };
}

function size(value: number | undefined): number {
  if (value !== undefined && value >= 0 && value < 2 ** 31) return value;
  throw new Error('a page header lacks a size');
}
