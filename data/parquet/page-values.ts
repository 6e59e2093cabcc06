// The values of a Parquet page in the plain encoding, or as indices into a dictionary.

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

/** Values of the same width. Throws if there are too few bytes. */
export function ofWidth(bytes: Uint8Array, count: number, width: number): Values {
  if (bytes.length < count * width) throw new Error('it ends early');
  return { count, bytes, width, starts: none, ends: none };
}
