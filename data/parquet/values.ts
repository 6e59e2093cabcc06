// The texts in a Parquet page of plain byte arrays, from its content piece by piece.

import { withRoom } from '../jsonl/lines.ts';
import { openCursor, readVarInt } from './cursor.ts';
import type { PageHeader } from './page-header.ts';

/** A text, undefined where it is missing. */
export type Text = Uint8Array | 'too long' | undefined;

const startBytes = 1 << 20;

/**
 * The values of a plain page from its content, decompressed, in pieces: where they are optional, first which
 * of them are there; then each as its length in 4 bytes and its bytes. Those of more than `mostBytes` are not
 * held. Throws where the page is not what its header says.
 */
export async function* readValues(
  pieces: AsyncIterable<Uint8Array>,
  { values, uncompressedBytes }: PageHeader,
  optional: boolean,
  mostBytes: number,
): AsyncGenerator<Text[]> {
  let isThere = optional ? undefined : new Uint8Array(values).fill(1);
  // Invariant: held[0, length) begins with the next value, or with what says which are there; `passing` bytes
  // of a long one come before it.
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
        isThere[value] === 0 ? { text: undefined, end: at } : readValue(held, at, length, mostBytes);
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
 * The value at `at` and where it ends, which for one that is too long may be beyond `length`; undefined where
 * it is not all there.
 */
function readValue(
  held: Buffer,
  at: number,
  length: number,
  mostBytes: number,
): { text: Text; end: number } | undefined {
  if (length - at < 4) return undefined;
  const end = at + 4 + held.readUInt32LE(at);
  if (end - at - 4 > mostBytes) return { text: 'too long', end };
  return end > length ? undefined : { text: held.subarray(at + 4, end), end };
}

/**
 * The longest way to say it: a run for each value, and a last block of bits for more values than there are,
 * of which DuckDB's have 32 bytes.
 */
const mostLevelBytes = (values: number): number => 6 * values + 1024;

/**
 * Which values are there (1) or missing (0), and where that ends: a length in 4 bytes, then runs (RLE of
 * Parquet's encodings), of one level or of levels as bits, eight and eight. undefined where it is not all
 * there.
 */
function readLevels(
  held: Buffer,
  values: number,
): { isThere: Uint8Array<ArrayBuffer>; end: number } | undefined {
  if (held.length < 4) return undefined;
  const end = 4 + held.readUInt32LE(0);
  if (end > mostLevelBytes(values)) throw new Error('a page has more levels than values');
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
