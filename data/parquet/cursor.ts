// Bytes taken one after the other, and the numbers of Parquet and Thrift that have as many of them as they
// need.

export interface Cursor {
  at(): number;
  /** Takes a byte. Throws `cutShort` where there is none. */
  byte(): number;
  /** Takes so many bytes, as a view. */
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

/** A whole number in groups of seven bits, the least first. Throws where it has no end, or `cutShort`. */
export function readVarInt(cursor: Cursor): number {
  let value = 0;
  for (let shift = 0; shift < 70; shift += 7) {
    const byte = cursor.byte();
    value += (byte & 127) * 2 ** shift;
    if (byte < 128) return value;
  }
  throw new Error('a number has no end');
}
