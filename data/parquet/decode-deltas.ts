// Decodes the delta encodings of Parquet pages.

import { type Cursor, openCursor, readVarInt } from './cursor.ts';
import { readBits } from './hybrid.ts';
import { ofWidth, type Values } from './page-values.ts';

/**
 * DELTA_BINARY_PACKED: differences from the previous value, bit-packed in blocks. Returns the values in the
 * plain encoding and moves the cursor past them.
 */
export function readDeltas(cursor: Cursor, bytes: Uint8Array, count: number, width: number): Uint8Array {
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
export function readDeltaLengths(cursor: Cursor, bytes: Uint8Array, count: number): Values {
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
export function readDeltaStrings(bytes: Uint8Array, count: number, width: number): Values {
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
