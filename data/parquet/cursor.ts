// Reads bytes in order, and the variable-length numbers of Parquet and Thrift.

export interface Cursor {
  at(): number;
  /** Takes a byte. Throws `cutShort` at the end. */
  byte(): number;
  /** Takes bytes, as a view. */
  take(bytes: number): Uint8Array;
  skip(bytes: number): void;
}

export const cutShort = new Error('the bytes end early');

export function openCursor(bytes: Uint8Array): Cursor {
  let at = 0;
  const skip = (count: number): void => {
    at += count;
    if (at > bytes.length) throw cutShort;
  };
  return {
    at: () => at,
    byte() {
      skip(1);
      return bytes[at - 1] ?? 0;
    },
    take(count) {
      skip(count);
      return bytes.subarray(at - count, at);
    },
    skip,
  };
}

/**
 * Reads a variable-length whole number: groups of seven bits, the lowest first. Throws if it has no end, or
 * `cutShort`.
 */
export function readVarInt(cursor: Cursor): number {
  let value = 0;
  for (let shift = 0; shift < 70; shift += 7) {
    const byte = cursor.byte();
    value += (byte & 127) * 2 ** shift;
    if (byte < 128) return value;
  }
  throw new Error('a number has no end');
}
