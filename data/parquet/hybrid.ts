// Parquet's RLE encoding of small whole numbers, such as levels and dictionary indices: runs of one value and
// runs of bit-packed values.

import { openCursor, readVarInt } from './cursor.ts';
import { varIntBytes } from './thrift.ts';

type Numbers = Uint8Array | Uint32Array;

/** Reads `count` numbers of `width` bits (at most 32) into `numbers`. Throws if there are fewer. */
export function readHybrid(bytes: Uint8Array, width: number, count: number, numbers: Numbers): void {
  const cursor = openCursor(bytes);
  const runBytes = Math.ceil(width / 8);
  for (let i = 0; i < count;) {
    const head = readVarInt(cursor);
    const length = Math.floor(head / 2);
    if (length === 0) throw new Error('it has an empty run');
    if (head % 2 === 0) {
      let value = 0;
      for (let byte = 0; byte < runBytes; byte++) value += cursor.byte() * 2 ** (8 * byte);
      numbers.fill(value, i, Math.min(count, i + length));
      i += length;
      continue;
    }
    const own = Math.min(count - i, 8 * length);
    const start = cursor.at();
    // The last run may end after its last number.
    cursor.skip(Math.min(length * width, Math.max(Math.ceil((own * width) / 8), bytes.length - start)));
    for (let k = 0; k < own; k++) numbers[i + k] = readBits(bytes, 8 * start + k * width, width);
    i += own;
  }
}

/** The number of `width` bits (at most 32) at a bit offset. */
export function readBits(bytes: Uint8Array, at: number, width: number): number {
  const byte = Math.floor(at / 8);
  const shift = at % 8;
  const low =
    ((bytes[byte] ?? 0) |
      ((bytes[byte + 1] ?? 0) << 8) |
      ((bytes[byte + 2] ?? 0) << 16) |
      ((bytes[byte + 3] ?? 0) << 24)) >>>
    shift;
  const whole = shift + width > 32 ? low | ((bytes[byte + 4] ?? 0) << (32 - shift)) : low;
  return (width === 32 ? whole : whole & (2 ** width - 1)) >>> 0;
}

const shortestRun = 8;

/** Writes the first `count` numbers, with `width` bits each. */
export function writeHybrid(numbers: Numbers, count: number, width: number): Uint8Array {
  const parts: Uint8Array[] = [];
  let packedFrom = 0;
  const pack = (to: number): void => {
    if (to > packedFrom) parts.push(packRun(numbers, packedFrom, to, width));
  };
  for (let i = 0; i < count;) {
    let end = i + 1;
    while (end < count && numbers[end] === numbers[i]) end++;
    if (end - i < shortestRun) {
      // Packed numbers come in groups of eight.
      i = Math.min(count, i + 8);
      continue;
    }
    pack(i);
    const value = numbers[i] ?? 0;
    parts.push(
      varIntBytes(2 * (end - i)),
      Uint8Array.from(
        { length: Math.ceil(width / 8) },
        (_, byte) => Math.floor(value / 2 ** (8 * byte)) & 255,
      ),
    );
    packedFrom = end;
    i = end;
  }
  pack(count);
  return Buffer.concat(parts);
}

function packRun(numbers: Numbers, from: number, to: number, width: number): Uint8Array {
  const eights = Math.ceil((to - from) / 8);
  const packed = new Uint8Array(eights * width);
  for (let k = 0; k < to - from; k++) {
    let value = numbers[from + k] ?? 0;
    for (let bit = k * width, left = width; left > 0;) {
      const room = 8 - (bit % 8);
      const index = Math.floor(bit / 8);
      packed[index] = (packed[index] ?? 0) | ((value << (bit % 8)) & 255);
      value = Math.floor(value / 2 ** room);
      bit += room;
      left -= room;
    }
  }
  return Buffer.concat([varIntBytes(2 * eights + 1), packed]);
}

/** The number of bits for numbers up to `most`. */
export function bitsFor(most: number): number {
  return most === 0 ? 0 : 32 - Math.clz32(most);
}
