// The fastText prediction loop, in AssemblyScript (compiled to WebAssembly with SIMD): sums the rows of a
// text's words, character n-grams and word n-grams. test/classifier/fasttext/predict-slowly.ts defines it; a
// test checks that they agree. Rows are added in fastText's order (words with their character n-grams, then
// word n-grams), in float32 lane by lane, so a hidden vector has the same bits as fastText's.

/** Addresses and settings of the model, written by the host (u32 each). */
export const modelAt: usize = 1024;
const eosAt: usize = modelAt + 64;
/** Address of the sum: `width` float32, or one float64 in a folded model. */
export const sumAt: usize = 2048;
/** The host places everything else from here on. */
export const freeAt: usize = sumAt + 4 * 65536 + 64;

const labelPrefix: u64 = 0x5f5f6c6562616c5f; // "_label__" of "__label__", little-endian
const eos: u32 = 0x3e732f3c; // "</s>"
const separators: u64 = (1 << 32) | (1 << 0) | (1 << 9) | (1 << 10) | (1 << 11) | (1 << 12) | (1 << 13);
const hashStart: u32 = 2166136261;
const hashStep: u32 = 16777619;

let entryBytes: usize = 0;
let entryEnds: usize = 0;
let slots: usize = 0;
let slotMask: u32 = 0;
let words: i32 = 0;
let rows: usize = 0;
/** Floats in a row: a multiple of 4, or 1 in a folded model. */
let width: u32 = 0;
let bucket: u32 = 0;
/** 0 if an n-gram's hash is its row. */
let bucketRows: usize = 0;
let wordNgrams: i32 = 0;
let minn: i32 = 0;
let maxn: i32 = 0;

let count: i32 = 0;
let folded: f64 = 0;
let hashAt: usize = 0;

/** Reads the numbers at `modelAt`. */
export function openModel(): void {
  entryBytes = load<u32>(modelAt);
  entryEnds = load<u32>(modelAt, 4);
  slots = load<u32>(modelAt, 8);
  slotMask = load<u32>(modelAt, 12);
  words = load<i32>(modelAt, 16);
  rows = load<u32>(modelAt, 20);
  width = load<u32>(modelAt, 24);
  bucket = load<u32>(modelAt, 28);
  bucketRows = load<u32>(modelAt, 32);
  wordNgrams = load<i32>(modelAt, 36);
  minn = load<i32>(modelAt, 40);
  maxn = load<i32>(modelAt, 44);
  store<u32>(eosAt, eos);
}

@inline
function isSeparator(byte: u32): bool {
  return byte <= 32 && ((separators >> byte) & 1) != 0;
}

@inline
function addByte(hash: u32, byte: u32): u32 {
  // Bytes are signed in fastText's hash.
  return (hash ^ <u32>extend8_s(byte)) * hashStep;
}

@inline
function extend8_s(byte: u32): i32 {
  return <i32>(<i8>byte);
}

/**
 * Sums up the rows of the text at [textAt, textEnd), up to its end or a literal "</s>"; word hashes go to
 * `hashesAt` (4 bytes for each two of text, and 8 more). A byte before and a byte after the text have to be
 * free for use. Returns how many rows were added; 0 says that nothing is known of the text.
 */
export function sumText(textAt: usize, textEnd: usize, hashesAt: usize): i32 {
  count = 0;
  folded = 0;
  hashAt = hashesAt;
  memory.fill(sumAt, 0, width << 2);
  let at = textAt;
  let ended = false;
  while (at < textEnd && !ended) {
    if (isSeparator(load<u8>(at))) {
      at++;
      continue;
    }
    const start = at;
    let hash = hashStart;
    let byte: u32 = load<u8>(at);
    do {
      hash = addByte(hash, byte);
      at++;
      if (at == textEnd) break;
      byte = load<u8>(at);
    } while (!isSeparator(byte));
    ended = at - start == 4 && load<u32>(start) == eos;
    if (!ended) addToken(start, at, hash);
  }
  addEnd();
  if (wordNgrams > 1) addWordNgrams(hashesAt);
  if (width == 1) store<f64>(sumAt, folded);
  return count;
}

/** The end of a line is a word of its own, "</s>", which has no character n-grams. */
function addEnd(): void {
  let hash = hashStart;
  for (let i = 0; i < 4; i++) hash = addByte(hash, load<u8>(eosAt + i));
  const entry = find(eosAt, 4, hash);
  if (entry >= words) return;
  store<u32>(hashAt, hash);
  hashAt += 4;
  if (entry >= 0) addRow(entry);
}

function addToken(start: usize, end: usize, hash: u32): void {
  const length = <u32>(end - start);
  const entry = find(start, length, hash);
  // Labels in a text are not read as words, known or not.
  if (entry >= words) return;
  if (entry < 0 && length >= 9 && load<u8>(start) == 0x5f && load<u64>(start + 1) == labelPrefix) return;
  store<u32>(hashAt, hash);
  hashAt += 4;
  if (entry >= 0) addRow(entry);
  if (maxn > 0) addCharacterNgrams(start, end);
}

/**
 * The dictionary's entry of these bytes, −1 where there is none. A slot has an entry's hash and its number +
 * 1.
 */
function find(start: usize, length: u32, hash: u32): i32 {
  let slot = hash & slotMask;
  let entry = load<i32>(slots + (slot << 3), 4) - 1;
  while (entry >= 0) {
    if (load<u32>(slots + (slot << 3)) == hash) {
      const from = entry == 0 ? 0 : load<u32>(entryEnds + ((entry - 1) << 2));
      const to = load<u32>(entryEnds + (entry << 2));
      if (to - from == length && memory.compare(entryBytes + from, start, length) == 0) break;
    }
    slot = (slot + 1) & slotMask;
    entry = load<i32>(slots + (slot << 3), 4) - 1;
  }
  return entry;
}

/** N-grams of minn to maxn characters of "<word>", but for "<" and ">" alone. */
function addCharacterNgrams(start: usize, end: usize): void {
  const before = load<u8>(start - 1);
  const after = load<u8>(end);
  store<u8>(start - 1, 0x3c);
  store<u8>(end, 0x3e);
  const first = start - 1;
  const last = end + 1;
  for (let from = first; from < last; from++) {
    if (isContinuation(load<u8>(from))) continue;
    let hash = hashStart;
    let to = from;
    for (let n = 1; to < last && n <= maxn; n++) {
      do {
        hash = addByte(hash, load<u8>(to));
        to++;
      } while (to < last && isContinuation(load<u8>(to)));
      if (n >= minn && !(n == 1 && (from == first || to == last))) addNgram(hash % bucket);
    }
  }
  store<u8>(start - 1, before);
  store<u8>(end, after);
}

@inline
function isContinuation(byte: u32): bool {
  return (byte & 0xc0) == 0x80;
}

/** N-grams of 2 to wordNgrams words. Hashes are signed 32-bit numbers in fastText's 64-bit sum. */
function addWordNgrams(hashesAt: usize): void {
  const end = hashAt;
  const reach = <usize>(wordNgrams) << 2;
  for (let i = hashesAt; i < end; i += 4) {
    let hash = <u64>(<i64>load<i32>(i));
    const stop = min(end, i + reach);
    for (let j = i + 4; j < stop; j += 4) {
      hash = hash * 116049371 + <u64>(<i64>load<i32>(j));
      addNgram(<u32>(hash % <u64>bucket));
    }
  }
}

@inline
function addNgram(hash: u32): void {
  if (bucketRows == 0) {
    addRow(words + <i32>hash);
    return;
  }
  const row = load<i32>(bucketRows + (<usize>hash << 2));
  if (row >= 0) addRow(words + row);
}

@inline
function addRow(row: i32): void {
  count++;
  if (width == 1) {
    folded += <f64>load<f32>(rows + (<usize>row << 2));
    return;
  }
  let from = rows + <usize>row * (<usize>width << 2);
  const end = sumAt + (<usize>width << 2);
  for (let to = sumAt; to < end; to += 16) {
    v128.store(to, f32x4.add(v128.load(to), v128.load(from)));
    from += 16;
  }
}
