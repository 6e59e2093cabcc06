// Decompresses Snappy's raw format piece by piece, in AssemblyScript (compiled to WebAssembly). A Snappy
// stream is a sequence of literals and of copies of earlier output (github.com/google/snappy,
// format_description.txt); earlier output is held as far back as most compressors refer.

/** Where the host writes compressed bytes, after those left from before. */
export const inputAt: i32 = 1024;
export const inputBytes: i32 = 1 << 18;

/** Google's compressor, which DuckDB uses, works on blocks of 64 KiB and copies only within them. */
const windowBytes: i32 = 1 << 18;
const pieceBytes: i32 = 1 << 18;
/** Elements are written 16 bytes at a time, and the last one of a piece may exceed it. */
const slack: i32 = 128;
const outputAt: i32 = inputAt + inputBytes + slack;
/** Room for several pieces, so that the window is moved less often. */
const outputBytes: i32 = windowBytes + 4 * pieceBytes;

/** The total memory, in bytes. */
export const memoryBytes: i32 = outputAt + outputBytes + slack;

let begun: bool = false;
/** Remaining bytes of the output. */
let missing: u64 = 0;
/** Remaining bytes of the current literal. */
let literal: u32 = 0;
let out: i32 = outputAt;
let left: i32 = 0;

/** Starts a stream. */
export function begin(): void {
  begun = false;
  missing = 0;
  literal = 0;
  out = outputAt;
  left = 0;
}

/** The number of unused compressed bytes, which are now at `inputAt`. */
export function leftBytes(): i32 {
  return left;
}

/** Where the last decompressed bytes end. */
export function outputEnd(): i32 {
  return out;
}

/** Whether the stream is complete. */
export function isWhole(): bool {
  return begun && missing == 0 && literal == 0 && left == 0;
}

/**
 * Decompresses what it can of the `length` bytes at `inputAt`, at most one piece. Returns the number of
 * output bytes, 0 if it needs more input, -1 if the stream is damaged.
 */
export function decompress(length: i32): i32 {
  const end = inputAt + length;
  let at = inputAt;
  if (!begun) {
    at = readLength(end);
    if (at < 0) return -1;
  }
  slide();
  const start = out;
  const full = start + pieceBytes;
  while (begun && out < full) {
    if (literal > 0) {
      const part = min(min(<i32>literal, end - at), full - out);
      if (part == 0) break;
      if (part <= 16) v128.store(out, v128.load(at));
      else memory.copy(out, at, part);
      at += part;
      out += part;
      literal -= part;
      continue;
    }
    if (at == end) break;
    const tag = <u32>load<u8>(at);
    const kind = tag & 3;
    const more = moreBytes(tag);
    if (at + 1 + more > end) break;
    const number: u32 = more == 0 ? 0 : load<u32>(at + 1) & (<u32>0xffffffff >> (32 - 8 * more));
    const size =
      kind == 0
        ? (more == 0 ? <u64>(tag >> 2) : <u64>number) + 1
        : <u64>(kind == 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1);
    if (size > missing || size > 0x7fffffff) return -1;
    missing -= size;
    at += 1 + more;
    if (kind == 0) literal = <u32>size;
    else if (!copy(kind == 1 ? number | ((tag >> 5) << 8) : number, <i32>size)) return -1;
  }
  left = end - at;
  memory.copy(inputAt, at, left);
  return out - start;
}

/**
 * Reads the output length, a varint at the start of the stream. Returns where it ends, -1 if it has too many
 * bytes; `begun` stays false if it is incomplete.
 */
function readLength(end: i32): i32 {
  let value: u64 = 0;
  for (let i = 0; i < 5 && inputAt + i < end; i++) {
    const byte = <u64>load<u8>(inputAt + i);
    value |= (byte & 0x7f) << (7 * i);
    if (byte >= 0x80) continue;
    begun = true;
    missing = value;
    return inputAt + i + 1;
  }
  return end - inputAt >= 5 ? -1 : inputAt;
}

/** The number of header bytes of an element after its tag. */
function moreBytes(tag: u32): i32 {
  const kind = tag & 3;
  if (kind == 0) return max(0, <i32>(tag >> 2) - 59);
  return kind == 3 ? 4 : <i32>kind;
}

function copy(distance: u32, size: i32): bool {
  if (distance == 0 || distance > <u32>(out - outputAt)) return false;
  const from = out - <i32>distance;
  if (distance >= 16) for (let i = 0; i < size; i += 16) v128.store(out + i, v128.load(from + i));
  else for (let i = 0; i < size; i++) store<u8>(out + i, load<u8>(from + i));
  out += size;
  return true;
}

/** Makes room for a piece and keeps the window before it. */
function slide(): void {
  if (out + pieceBytes <= outputAt + outputBytes) return;
  memory.copy(outputAt, out - windowBytes, windowBytes);
  out = outputAt + windowBytes;
}
