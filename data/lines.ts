// Bytes in, blocks of whole lines out, in bounded memory: a line that is too long is passed over, and told.

export interface LineBlock {
  /** Whole lines, each with its line feed but perhaps the file's last; empty for a line that was too long. Of use until the next block is asked for. */
  bytes: Uint8Array;
  /** 0-based number of the first line. */
  firstLine: number;
  /** The line `firstLine` is longer than the limit and left out. */
  tooLong: boolean;
}

const lineFeed = 0x0a;

/** Cuts a stream of bytes into blocks of whole lines. A byte-order mark at the start is dropped. */
export async function* readLineBlocks(pieces: AsyncIterable<Uint8Array>, maxLineBytes: number): AsyncGenerator<LineBlock> {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let line = 0;
  let skipping = false;
  let first = true;
  for await (const given of pieces) {
    let piece = Buffer.from(given.buffer, given.byteOffset, given.byteLength);
    if (first) piece = withoutMark(piece);
    first = false;
    if (skipping) {
      const end = piece.indexOf(lineFeed);
      if (end < 0) continue;
      skipping = false;
      piece = piece.subarray(end + 1);
      line++;
    }
    const end = piece.lastIndexOf(lineFeed) + 1;
    if (end > 0) {
      const bytes = pendingBytes === 0 ? piece.subarray(0, end) : Buffer.concat([...pending, piece.subarray(0, end)]);
      yield { bytes, firstLine: line, tooLong: false };
      line += countLines(bytes);
      pending = [];
      pendingBytes = 0;
    }
    // A copy, because the stream may use the piece's memory again.
    pending.push(Buffer.from(piece.subarray(end)));
    pendingBytes += piece.length - end;
    if (pendingBytes > maxLineBytes) {
      yield { bytes: new Uint8Array(0), firstLine: line, tooLong: true };
      pending = [];
      pendingBytes = 0;
      skipping = true;
    }
  }
  if (pendingBytes > 0) yield { bytes: Buffer.concat(pending), firstLine: line, tooLong: false };
}

function withoutMark(piece: Buffer): Buffer {
  return piece[0] === 0xef && piece[1] === 0xbb && piece[2] === 0xbf ? piece.subarray(3) : piece;
}

function countLines(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(lineFeed); at >= 0; at = bytes.indexOf(lineFeed, at + 1)) lines++;
  return lines;
}
