// Decodes the values of a Parquet page from any encoding to the bytes of the plain encoding, which can be
// copied without knowing the type.

import { openCursor } from './cursor.ts';
import { readDeltaLengths, readDeltas, readDeltaStrings } from './decode-deltas.ts';
import { readHybrid } from './hybrid.ts';
import { type Indexed, ofWidth, type Values, widthOf } from './page-values.ts';
import type { PhysicalType } from './schema.ts';

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

/** BYTE_STREAM_SPLIT: the first bytes of all values, then the second bytes, and so on. */
function readSplit(bytes: Uint8Array, count: number, width: number): Values {
  if (bytes.length < count * width) throw new Error('it ends early');
  const whole = new Uint8Array(count * width);
  for (let part = 0; part < width; part++)
    for (let i = 0; i < count; i++) whole[i * width + part] = bytes[part * count + i] ?? 0;
  return ofWidth(whole, count, width);
}
