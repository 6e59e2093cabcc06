// Reads the texts of a Parquet page of plain byte arrays, piece by piece.

import { withRoom } from '../jsonl/lines.ts';
import { openCursor, readVarInt } from './cursor.ts';
import type { PageHeader } from './page-header.ts';

/** A text; undefined if it is null. */
export type Text = Uint8Array | 'too long' | undefined;

const startBytes = 1 << 20;

/**
 * Yields the values of a plain page from its decompressed content: if they are optional, first the definition
 * levels; then each value as its length in 4 bytes and its bytes. Values of more than `maxBytes` are not
 * held. Throws if the page does not match its header.
 */
export async function* readValues(
  pieces: AsyncIterable<Uint8Array>,
  { values, uncompressedBytes }: PageHeader,
  optional: boolean,
  maxBytes: number,
): AsyncGenerator<Text[]> {
  let isThere = optional ? undefined : new Uint8Array(values).fill(1);
  // Invariant: held[0, length) starts with the definition levels or the next value, after `passing` more
  // bytes of a long value.
  let held = Buffer.allocUnsafeSlow(startBytes);
  let length = 0;
  let passing = 0;
  let value = 0;
  let bytes = 0;
  for await (const piece of pieces) {
    bytes += piece.length;
    if (bytes > uncompressedBytes) throw new Error('a page is larger than its header says');
    const part = piece.subarray(Math.min(passing, piece.length));
    passing -= piece.length - part.length;
    held = withRoom(held, length, part.length);
    held.set(part, length);
    length += part.length;
    let at = 0;
    if (isThere === undefined) {
      const levels = readLevels(held.subarray(0, length), values);
      if (levels === undefined) continue;
      isThere = levels.isThere;
      at = levels.end;
    }
    const texts: Text[] = [];
    while (value < values && at <= length) {
      const next =
        isThere[value] === 0 ? { text: undefined, end: at } : readValue(held, at, length, maxBytes);
      if (next === undefined) break;
      texts.push(next.text);
      at = next.end;
      value++;
    }
    if (texts.length > 0) yield texts;
    passing += Math.max(0, at - length);
    at = Math.min(at, length);
    held.copyWithin(0, at, length);
    length -= at;
  }
  if (value < values || passing > 0) throw new Error('a page ends early');
}

/**
 * The value at `at` and where it ends, which may be beyond `length` if it is too long; undefined if it is
 * incomplete.
 */
function readValue(
  held: Buffer,
  at: number,
  length: number,
  maxBytes: number,
): { text: Text; end: number } | undefined {
  if (length - at < 4) return undefined;
  const end = at + 4 + held.readUInt32LE(at);
  if (end - at - 4 > maxBytes) return { text: 'too long', end };
  return end > length ? undefined : { text: held.subarray(at + 4, end), end };
}

/**
 * An upper bound on encoded levels: one run per value, and a last block of bits that may exceed the values
 * (32 bytes in DuckDB).
 */
const maxLevelBytes = (values: number): number => 6 * values + 1024;

/**
 * Which values exist (1) or are null (0), and where the levels end: a length in 4 bytes, then runs (Parquet's
 * RLE encoding) of one level or of bit-packed levels in groups of eight. undefined if they are incomplete.
 */
function readLevels(
  held: Buffer,
  values: number,
): { isThere: Uint8Array<ArrayBuffer>; end: number } | undefined {
  if (held.length < 4) return undefined;
  const end = 4 + held.readUInt32LE(0);
  if (end > maxLevelBytes(values)) throw new Error('a page has more levels than values');
  if (held.length < end) return undefined;
  const isThere = new Uint8Array(values);
  const runs = openCursor(held.subarray(4, end));
  for (let value = 0; value < values;) {
    const head = readVarInt(runs);
    const count = Math.floor(head / 2);
    if (head % 2 === 0) isThere.fill(runs.byte() & 1, value, (value += count));
    else
      for (let eight = 0; eight < count && value < values; eight++)
        for (let bits = runs.byte() | 256; bits > 1 && value < values; bits >>= 1)
          isThere[value++] = bits & 1;
  }
  return { isThere, end };
}
