// The scoring loop, in AssemblyScript (compiled to WebAssembly with SIMD). features.ts defines it in slow
// code; a test checks that they agree bin by bin and bit by bit. It works on pieces of a document:
// `hashPiece` turns the tokens that start in the piece into bins, and `sumOne` or `sumEight` add up the
// weights at those bins. The sums are integers, so the order of pieces, batches and workers does not matter.

/** Bytes of a document hashed in one call, and bytes after them that may be read. */
export const pieceBytes: i32 = 16384;
export const lookAheadBytes: i32 = 8;

/**
 * Addresses of the piece (written by the host), of the bins (at most two per byte), of the sums, and of the
 * weights (written by the host).
 */
export const textAt: i32 = 1024;
export const binsAt: i32 = textAt + pieceBytes + 128;
export const sumsAt: i32 = binsAt + 2 * 4 * pieceBytes;
export const weightsAt: i32 = sumsAt + 64;

const byteMultiplier: u64 = 0x9e3779b97f4a7c15;
const previousMultiplier: u64 = 0xd6e8feb86659fd93;
const binMultiplier: u64 = 0xa0761d6478bd642f;

// State carried from piece to piece of one document.
let previous: u64 = 0;
let hasPrevious: i32 = 0;
let insideWord: u64 = 0;

// Masks of the last 64 bytes given to `classify`: bit i is byte i.
let word: u64 = 0;
let mark: u64 = 0;

/** Forgets the previous document. */
export function beginDocument(): void {
  previous = 0;
  hasPrevious = 0;
  insideWord = 0;
}

/**
 * Writes the bins of the unigrams and bigrams whose last token starts in the piece to `binsAt` and returns
 * their number. `known` is the number of document bytes at `textAt`: the rest of the document, or the piece
 * and its look-ahead bytes.
 */
export function hashPiece(known: i32, bits: i32): i32 {
  const length = min(known, pieceBytes);
  const shift: u64 = 64 - bits;
  let out: i32 = binsAt;
  let carried = insideWord;
  let earlier = previous;
  let step = hasPrevious << 2;
  classifyBefore(0, known);
  let words = word;
  let marks = mark;
  for (let block = 0; block < length; block += 64) {
    let starts = (words & ~((words << 1) | carried)) | marks;
    carried = words >> 63;
    const stops = starts | ~words;
    classifyBefore(block + 64, known);
    const nextStops = (word & ~((word << 1) | carried)) | mark | ~word;
    words = word;
    marks = mark;
    while (starts != 0) {
      const at = ctz(starts);
      starts &= starts - 1;
      // A token ends where the next one starts or at a byte that is not a word byte; only its first eight
      // bytes count.
      const stop = ((stops >> at) >> 1) | (nextStops << (63 - at));
      const unused: u64 = 56 - (min<u64>(ctz(stop), 7) << 3);
      const bytes = (load<u64>(textAt + block + <i32>at) | 0x2020202020202020) & (<u64>-1 >> unused);
      let token = bytes * byteMultiplier;
      token ^= token >> 32;
      // The first token has no bigram: the next store overwrites this one.
      store<u32>(out, <u32>((earlier + token) * binMultiplier >> shift));
      out += step;
      step = 4;
      store<u32>(out, <u32>(token * binMultiplier >> shift));
      out += 4;
      earlier = token * previousMultiplier;
    }
  }
  insideWord = carried;
  previous = earlier;
  hasPrevious = step >> 2;
  return (out - binsAt) >> 2;
}

/**
 * `classify` for the 64 bytes of the piece at `block`, without those from `known` on, which are past the
 * document's end.
 */
@inline
function classifyBefore(block: i32, known: i32): void {
  word = 0;
  mark = 0;
  if (block >= known) return;
  classify(textAt + block);
  if (known - block < 64) {
    const inside = ((<u64>1) << (known - block)) - 1;
    word &= inside;
    mark &= inside;
  }
}

@inline
function classify(at: i32): void {
  for (let lane = 0; lane < 4; lane++) {
    const bytes = v128.load(at + lane * 16);
    const letter = i8x16.lt_u(i8x16.sub(v128.or(bytes, i8x16.splat(0x20)), i8x16.splat(0x61)), i8x16.splat(26));
    const digit = i8x16.lt_u(i8x16.sub(bytes, i8x16.splat(0x30)), i8x16.splat(10));
    const underscore = i8x16.eq(bytes, i8x16.splat(0x5f));
    // Bytes from 0x80 up have the sign bit, which the mask is made of.
    const wordBits = <u64>i8x16.bitmask(v128.or(v128.or(letter, digit), v128.or(underscore, bytes)));
    const deleted = i8x16.eq(bytes, i8x16.splat(0x7f));
    const visible = <u64>i8x16.bitmask(v128.andnot(i8x16.gt_s(bytes, i8x16.splat(0x20)), deleted));
    word |= wordBits << (lane * 16);
    mark |= (visible & ~wordBits) << (lane * 16);
  }
}

/** The sum of the one-byte weights at the first `count` bins. */
export function sumOne(count: i32): i32 {
  let sum: i32 = 0;
  const end = binsAt + (count << 2);
  for (let at = binsAt; at < end; at += 4) sum += load<i8>(weightsAt + load<i32>(at));
  return sum;
}

/**
 * Sums the rows at the first `count` bins of the table at `table`, eight one-byte weights each, into eight
 * i32 at `sumsAt`.
 */
export function sumEight(count: i32, table: i32): void {
  let low = i32x4.splat(0);
  let high = i32x4.splat(0);
  const end = binsAt + (count << 2);
  let at = binsAt;
  while (at < end) {
    // 256 weights within ±127 stay within 16 bits.
    const stop = min(end, at + 1024);
    let sums = i16x8.splat(0);
    for (; at < stop; at += 4) sums = i16x8.add(sums, v128.load_ext<i8>(table + (load<i32>(at) << 3)));
    low = i32x4.add(low, i32x4.extend_low_i16x8_s(sums));
    high = i32x4.add(high, i32x4.extend_high_i16x8_s(sums));
  }
  v128.store(sumsAt, low);
  v128.store(sumsAt + 16, high);
}
