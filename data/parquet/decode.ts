// Decodes the values of a Parquet page from any encoding to the bytes of the plain encoding, which can be
// copied without knowing the type.

import { openCursor, readVarInt, type Cursor } from './cursor.ts';
import { readBits, readHybrid } from './hybrid.ts';
import type { PhysicalType } from './schema.ts';

/**
 * Value i is bytes[starts[i], ends[i]), or bytes[i * width, (i + 1) * width) if all have the same width. A
 * BOOLEAN has one byte.
 */
export interface Values {
  count: number;
  bytes: Uint8Array;
  /** Bytes per value; 0 if `starts` and `ends` are used. */
  width: number;
  starts: Uint32Array;
  ends: Uint32Array;
}

/** Values as indices into a dictionary. */
export interface Indexed {
  dictionary: Values;
  indices: Uint32Array;
}

const none = new Uint32Array();
const widths: Readonly<Partial<Record<PhysicalType, number>>> = {
  BOOLEAN: 1,
  INT32: 4,
  INT64: 8,
  INT96: 12,
  FLOAT: 4,
  DOUBLE: 8,
};

/** Bytes per value; 0 if they differ. */
export function widthOf(type: PhysicalType, typeLength: number): number {
  return type === 'FIXED_LEN_BYTE_ARRAY' ? typeLength : (widths[type] ?? 0);
}

/** Encodings, by their numbers in the format. */
export const plainEncoding = 0;
export const dictionaryEncoding = 8;

/** Reads `count` values. Throws if there are fewer, or if the encoding is unknown. */
export function readEncoded(
  bytes: Uint8Array,
  encoding: number,
  count: number,
  type: PhysicalType,
  typeLength: number,
  dictionary: Values | undefined,
): Values | Indexed {
  const width = widthOf(type, typeLength);
  if (encoding === 2 || encoding === dictionaryEncoding) return readIndices(bytes, count, dictionary);
  if (encoding === plainEncoding) return readPlain(bytes, count, type, width);
  if (encoding === 3 && type === 'BOOLEAN') return readRuns(bytes, count);
  if (encoding === 5 && (type === 'INT32' || type === 'INT64'))
    return ofWidth(readDeltas(openCursor(bytes), bytes, count, width), count, width);
  if (encoding === 6 && type === 'BYTE_ARRAY') return readDeltaLengths(openCursor(bytes), bytes, count);
  if (encoding === 7 && (type === 'BYTE_ARRAY' || type === 'FIXED_LEN_BYTE_ARRAY'))
    return readDeltaStrings(bytes, count, width);
  if (encoding === 9 && width > 0 && type !== 'BOOLEAN') return readSplit(bytes, count, width);
  throw new Error(`encoding ${encoding} is not supported for ${type}`);
}

function ofWidth(bytes: Uint8Array, count: number, width: number): Values {
  if (bytes.length < count * width) throw new Error('it ends early');
  return { count, bytes, width, starts: none, ends: none };
}

function readPlain(bytes: Uint8Array, count: number, type: PhysicalType, width: number): Values {
  if (type === 'BOOLEAN') {
    if (bytes.length < Math.ceil(count / 8)) throw new Error('it ends early');
    return ofWidth(
      Uint8Array.from({ length: count }, (_, i) => ((bytes[i >> 3] ?? 0) >> (i & 7)) & 1),
      count,
      1,
    );
  }
  if (type !== 'BYTE_ARRAY') return ofWidth(bytes, count, width);
  const [starts, ends] = [new Uint32Array(count), new Uint32Array(count)];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (at + 4 > bytes.length) throw new Error('it ends early');
    const end = at + 4 + view.getUint32(at, true);
    if (end > bytes.length) throw new Error('it ends early');
    starts[i] = at + 4;
    ends[i] = end;
    at = end;
  }
  return { count, bytes, width: 0, starts, ends };
}

function readIndices(bytes: Uint8Array, count: number, dictionary: Values | undefined): Indexed {
  if (dictionary === undefined) throw new Error('it has no dictionary');
  const indices = new Uint32Array(count);
  const width = bytes[0] ?? 0;
  if (width > 32) throw new Error('it has indices of too many bits');
  if (count > 0) readHybrid(bytes.subarray(1), width, count, indices);
  for (const index of indices)
    if (index >= dictionary.count) throw new Error('it has an index beyond its dictionary');
  return { dictionary, indices };
}

/** Booleans as runs, after their length in 4 bytes. */
function readRuns(bytes: Uint8Array, count: number): Values {
  const values = new Uint8Array(count);
  readHybrid(bytes.subarray(4), 1, count, values);
  return ofWidth(values, count, 1);
}

/**
 * DELTA_BINARY_PACKED: differences from the previous value, bit-packed in blocks. Returns the values in the
 * plain encoding and moves the cursor past them.
 */
function readDeltas(cursor: Cursor, bytes: Uint8Array, count: number, width: number): Uint8Array {
  const values = new Uint8Array(count * width);
  const view = new DataView(values.buffer);
  const blockValues = readVarInt(cursor);
  const miniBlocks = readVarInt(cursor);
  const total = readVarInt(cursor);
  const miniValues = blockValues / miniBlocks;
  if (total !== count || !(miniValues > 0 && miniValues % 8 === 0))
    throw new Error('its values do not match its header');
  let value = readBig(cursor);
  const put = (i: number): void =>
    width === 4
      ? view.setInt32(4 * i, Number(BigInt.asIntN(32, value)), true)
      : view.setBigInt64(8 * i, BigInt.asIntN(64, value), true);
  if (count > 0) put(0);
  for (let i = 1; i < count;) {
    const least = readBig(cursor);
    const bits = cursor.take(miniBlocks);
    for (let mini = 0; mini < miniBlocks && i < count; mini++) {
      const own = bits[mini] ?? 0;
      if (own > 64) throw new Error('it has differences of too many bits');
      const start = 8 * cursor.at();
      cursor.skip((miniValues * own) / 8);
      for (let k = 0; k < miniValues && i < count; k++, i++) {
        value += least + readWide(bytes, start + k * own, own);
        put(i);
      }
    }
  }
  return values;
}

function readWide(bytes: Uint8Array, at: number, width: number): bigint {
  return width <= 32
    ? BigInt(readBits(bytes, at, width))
    : BigInt(readBits(bytes, at, 32)) | (BigInt(readBits(bytes, at + 32, width - 32)) << 32n);
}

/** A signed number of up to 64 bits, zigzag-encoded. */
function readBig(cursor: Cursor): bigint {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    const byte = cursor.byte();
    value |= BigInt(byte & 127) << shift;
    if (byte < 128) return value & 1n ? -(value >> 1n) - 1n : value >> 1n;
  }
  throw new Error('a number has no end');
}

function readLengths(cursor: Cursor, bytes: Uint8Array, count: number): Int32Array {
  return new Int32Array(readDeltas(cursor, bytes, count, 4).buffer);
}

/** DELTA_LENGTH_BYTE_ARRAY: all lengths, then all bytes. */
function readDeltaLengths(cursor: Cursor, bytes: Uint8Array, count: number): Values {
  const lengths = readLengths(cursor, bytes, count);
  const [starts, ends] = [new Uint32Array(count), new Uint32Array(count)];
  for (let i = 0; i < count; i++) {
    starts[i] = cursor.at();
    cursor.skip(lengthAt(lengths, i));
    ends[i] = cursor.at();
  }
  return { count, bytes, width: 0, starts, ends };
}

function lengthAt(lengths: Int32Array, i: number): number {
  const length = lengths[i] ?? 0;
  if (length < 0) throw new Error('it has a value of negative length');
  return length;
}

/** DELTA_BYTE_ARRAY: the lengths of the prefixes shared with the previous values, then all suffixes. */
function readDeltaStrings(bytes: Uint8Array, count: number, width: number): Values {
  const cursor = openCursor(bytes);
  const prefixes = readLengths(cursor, bytes, count);
  const rest = readDeltaLengths(cursor, bytes, count);
  const [starts, ends] = [new Uint32Array(count), new Uint32Array(count)];
  let total = 0;
  for (let i = 0; i < count; i++) {
    const [before, length] = [
      i === 0 ? 0 : (ends[i - 1] ?? 0) - (starts[i - 1] ?? 0),
      lengthAt(prefixes, i) + (rest.ends[i] ?? 0) - (rest.starts[i] ?? 0),
    ];
    if (lengthAt(prefixes, i) > before || (width > 0 && length !== width))
      throw new Error('it has a value with an invalid prefix');
    starts[i] = total;
    total += length;
    if (total > maxBytes) throw new Error('it has too many bytes');
    ends[i] = total;
  }
  const whole = new Uint8Array(total);
  for (let i = 0; i < count; i++) {
    const [start, prefix] = [starts[i] ?? 0, prefixes[i] ?? 0];
    const before = starts[i - 1] ?? 0;
    whole.copyWithin(start, before, before + prefix);
    whole.set(bytes.subarray(rest.starts[i], rest.ends[i]), start + prefix);
  }
  return width > 0 ? ofWidth(whole, count, width) : { count, bytes: whole, width: 0, starts, ends };
}

const maxBytes = 2 ** 31;

/** BYTE_STREAM_SPLIT: the first bytes of all values, then the second bytes, and so on. */
function readSplit(bytes: Uint8Array, count: number, width: number): Values {
  if (bytes.length < count * width) throw new Error('it ends early');
  const whole = new Uint8Array(count * width);
  for (let part = 0; part < width; part++)
    for (let i = 0; i < count; i++) whole[i * width + part] = bytes[part * count + i] ?? 0;
  return ofWidth(whole, count, width);
}
