// Bytes in, blocks of whole lines out, in bounded memory: lines that are too long are skipped and reported.

import { openPool } from '../files/pool.ts';

export interface LineBlock {
  /**
   * Whole lines with their line feeds, which the last line may lack; empty for a line that is too long. Valid
   * until the next block is requested.
   */
  bytes: Buffer;
  /** The number of the first line, from 0. */
  firstLine: number;
  lines: number;
  /** The block stands for one line that exceeds the limit. */
  tooLong: boolean;
}

export const lineFeed = 0x0a;
const startBytes = 4 << 20;
const nothing = Buffer.alloc(0);
const buffers = openPool(2, () => Buffer.allocUnsafeSlow(startBytes));

/**
 * Cuts a stream of bytes that starts with line `firstLine` into blocks of whole lines of at most
 * `maxLineBytes` each. A byte-order mark at the start of line 0 is dropped.
 */
export async function* readLineBlocks(
  pieces: AsyncIterable<Uint8Array>,
  maxLineBytes: number,
  firstLine = 0,
): AsyncGenerator<LineBlock> {
  // Invariant: held[0, length) is the start of line `line` and has no line feed; while skipping, that line is
  // too long and nothing is held.
  let held = buffers.take();
  let length = 0;
  let line = firstLine;
  let skipping = false;
  try {
    for await (const piece of pieces) {
      const skipped = skipping ? piece.indexOf(lineFeed) + 1 : 0;
      if (skipping && skipped === 0) continue;
      skipping = false;
      held = withRoom(held, length, piece.length);
      held.set(skipped === 0 ? piece : piece.subarray(skipped), length);
      length += piece.length - skipped;
      const end = held.subarray(0, length).lastIndexOf(lineFeed) + 1;
      for (const block of cutBlocks(held.subarray(0, end), line, maxLineBytes)) {
        yield block;
        line += block.lines;
      }
      held.copyWithin(0, end, length);
      length -= end;
      if (length <= maxLineBytes) continue;
      yield { bytes: nothing, firstLine: line++, lines: 1, tooLong: true };
      length = 0;
      skipping = true;
    }
    if (length > 0) yield* cutBlocks(held.subarray(0, length), line, maxLineBytes);
  } finally {
    // A buffer that grew for a long line is not reused.
    if (held.length === startBytes) buffers.give(held);
  }
}

/** A buffer that starts with held[0, length) and has room for `more` bytes. */
export function withRoom(held: Buffer<ArrayBuffer>, length: number, more: number): Buffer<ArrayBuffer> {
  if (length + more <= held.length) return held;
  const larger = Buffer.allocUnsafeSlow(Math.max(2 * held.length, length + more));
  held.copy(larger, 0, 0, length);
  return larger;
}

/** Whole lines as one block, or as several if one of them is too long. */
function* cutBlocks(bytes: Buffer, firstLine: number, maxLineBytes: number): Generator<LineBlock> {
  let line = firstLine;
  let start = firstLine === 0 && hasMark(bytes) ? 3 : 0;
  let from = start;
  let lines = 0;
  while (from < bytes.length) {
    const found = bytes.indexOf(lineFeed, from);
    const end = found < 0 ? bytes.length : found;
    if (end - from > maxLineBytes) {
      if (lines > 0) yield { bytes: bytes.subarray(start, from), firstLine: line, lines, tooLong: false };
      yield { bytes: nothing, firstLine: line + lines, lines: 1, tooLong: true };
      line += lines + 1;
      lines = 0;
      start = end + 1;
    } else lines++;
    from = end + 1;
  }
  if (lines > 0) yield { bytes: bytes.subarray(start), firstLine: line, lines, tooLong: false };
}

function hasMark(bytes: Buffer): boolean {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
}
