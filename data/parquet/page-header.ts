// The header of a page in a Parquet file: the struct PageHeader of parquet.thrift, in Thrift's compact protocol. What is not wanted is passed over, not made:
// a damaged header may promise lists of any length.

import { type Cursor, cutShort, openCursor, readVarInt } from './cursor.ts';

/** What the header of a plain data page of version 1 says. */
export interface PageHeader {
  /** Of the header itself. */
  headerBytes: number;
  compressedBytes: number;
  uncompressedBytes: number;
  values: number;
}

type Fields = Map<number, number | Fields>;

const deepest = 8;
const plain = 0;
const rle = 3;

/** Reads the header of a plain data page of version 1 from its first bytes; undefined where more of them are needed. Throws where it is anything else. */
export function readPageHeader(bytes: Uint8Array): PageHeader | undefined {
  const cursor = openCursor(bytes);
  try {
    const fields = readStruct(cursor, 0);
    const dataPage = fields.get(5);
    const [type, uncompressedBytes, compressedBytes] = [fields.get(1), fields.get(2), fields.get(3)];
    if (!(dataPage instanceof Map) || type !== 0 || dataPage.get(2) !== plain || dataPage.get(3) !== rle) throw new Error('it is no plain data page of version 1');
    return { headerBytes: cursor.at(), compressedBytes: size(compressedBytes), uncompressedBytes: size(uncompressedBytes), values: size(dataPage.get(1)) };
  } catch (error) {
    if (error === cutShort) return undefined;
    throw error;
  }
}

function size(value: number | Fields | undefined): number {
  if (typeof value === 'number' && value >= 0 && value < 2 ** 31) return value;
  throw new Error('a page header lacks a size');
}

function readStruct(cursor: Cursor, depth: number): Fields {
  if (depth > deepest) throw new Error('a page header is too deep');
  const fields: Fields = new Map();
  let id = 0;
  for (let head = cursor.byte(); head !== 0; head = cursor.byte()) {
    id = head >> 4 === 0 ? readInteger(cursor) : id + (head >> 4);
    const value = readValue(cursor, head & 15, depth);
    if (value !== undefined) fields.set(id, value);
  }
  return fields;
}

/** A number or a struct; anything else is passed over. A field that is true or false has its value in its type. */
function readValue(cursor: Cursor, type: number, depth: number): number | Fields | undefined {
  switch (type) {
    case 1:
    case 2:
      return undefined;
    case 3:
      cursor.skip(1);
      return undefined;
    case 4:
    case 5:
    case 6:
      return readInteger(cursor);
    case 7:
      cursor.skip(8);
      return undefined;
    case 8:
      cursor.skip(readVarInt(cursor));
      return undefined;
    case 9:
      skipList(cursor, depth);
      return undefined;
    case 12:
      return readStruct(cursor, depth + 1);
    default:
      throw new Error('a page header has a field of an unknown type');
  }
}

/** Every element has a byte at least, so that a list that is not there ends where the bytes do. */
function skipList(cursor: Cursor, depth: number): void {
  const head = cursor.byte();
  const count = head >> 4 === 15 ? readVarInt(cursor) : head >> 4;
  const type = head & 15;
  for (let i = 0; i < count; i++) {
    if (type === 1 || type === 2) cursor.skip(1);
    else readValue(cursor, type, depth + 1);
  }
}

/** A signed whole number, whose sign is its last bit. */
function readInteger(cursor: Cursor): number {
  const value = readVarInt(cursor);
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}
