// Searches texts for runs of words, in AssemblyScript (compiled to WebAssembly): UTF-8 in, hits out. words.ts
// defines a word. The hash of a run is a polynomial of its words' hashes, so any length costs one
// multiplication. A run can match only if all its pairs of words occur in some test text: a small bit table
// of pairs rejects most runs, a bit table of runs rejects most others, and the hash table rejects the rest
// except for collisions, which the host's string comparison detects.

/**
 * The host writes the run lengths here (a u32 each, ascending, at most 16, each of 2 to 16), after their
 * number.
 */
export const lengthsAt: usize = 1024;
const firstLength: usize = lengthsAt + 4;
/** Ends and prefix polynomials of the last 32 words. */
const ringAt: usize = 2048;
const ringMask: u32 = 31;
const powersAt: usize = 4096;
/** Hits: slot, start and end in bytes, and the number of words, u32 each. */
export const hitsAt: usize = 8192;
export const mostHits: u32 = 4096;
export const foldsAt: usize = hitsAt + 16 * 4096;
/** Code points in the folding table. */
export const folds: u32 = 0x34000;
/** The host writes the tables and the text from here on. */
export const freeAt: usize = foldsAt + (folds << 2);

const multiplier: u64 = 0x9e3779b97f4a7c15;
const base: u64 = 0xd6e8feb86659fd93;
const mixer: u64 = 0xa0761d6478bd642f;

let pairsAt: usize = 0;
let pairShift: u64 = 0;
let filterAt: usize = 0;
let filterShift: u64 = 0;
let slotsAt: usize = 0;
let slotShift: u64 = 0;

let at: usize = 0;
let end: usize = 0;
let textStart: usize = 0;
let polynomial: u64 = 0;
let words: u32 = 0;
/** Length of the current sequence of pairs that may occur in a run. */
let pairs: u32 = 0;

/**
 * Sets the tables: 2^pairBits bits for pairs, 2^filterBits bits for runs, and 2^slotBits slots of 8 bytes
 * (0: empty).
 */
export function openTables(
  pairTable: usize,
  pairBits: u32,
  filter: usize,
  filterBits: u32,
  slots: usize,
  slotBits: u32,
): void {
  pairsAt = pairTable;
  pairShift = 64 - pairBits;
  filterAt = filter;
  filterShift = 64 - filterBits;
  slotsAt = slots;
  slotShift = 64 - slotBits;
  let power: u64 = 1;
  for (let n = 0; n <= 16; n++) {
    store<u64>(powersAt + (n << 3), power);
    power *= base;
  }
}

/** Starts with the text at [from, to). */
export function openText(from: usize, to: usize): void {
  at = from;
  textStart = from;
  end = to;
  polynomial = 0;
  words = 0;
  pairs = 0;
  store<u64>(ringAt + (<usize>ringMask << 4), 0);
}

/** Whether any text is left. */
export function hasMore(): bool {
  return at < end;
}

let wordStart: usize = 0;
let wordEnd: usize = 0;

/** Hashes the next word and moves past it; its bounds are in `wordStart` and `wordEnd`. 0 at the end. */
function nextWord(): u64 {
  let hash: u64 = 0;
  while (at < end) {
    const before = at;
    const folded = nextFolded();
    if (folded == 0) {
      if (hash != 0) return hash;
      continue;
    }
    if (hash == 0) {
      wordStart = before;
      hash = 1;
    }
    wordEnd = at;
    hash = (hash ^ <u64>folded) * multiplier;
  }
  return hash;
}

/** Records a word: its start, and the polynomial up to it. */
@inline
function pushWord(hash: u64): void {
  polynomial = polynomial * base + (hash ^ (hash >> 29));
  const place = ringAt + (<usize>(words & ringMask) << 4);
  store<u64>(place, polynomial);
  store<u32>(place, <u32>(wordStart - textStart), 8);
  words++;
}

/** The hash of the run of the last `length` words. */
@inline
function lastRun(length: u32): u64 {
  const before = length == words ? 0 : load<u64>(ringAt + (<usize>((words - 1 - length) & ringMask) << 4));
  return mix(polynomial - before * load<u64>(powersAt + (<usize>length << 3)), length);
}

/** Continues to the end of the text, or until the hit buffer is full; returns the number of hits. */
export function findHits(): u32 {
  let hits: u32 = 0;
  const lengths = load<u32>(lengthsAt);
  while (hits <= mostHits - 16) {
    const hash = nextWord();
    if (hash == 0) break;
    pushWord(hash);
    pairs = words > 1 && hasBit(pairsAt, lastRun(2) >> pairShift) ? pairs + 1 : 0;
    for (let i: u32 = 0; i < lengths; i++) {
      const length = load<u32>(firstLength + (<usize>i << 2));
      if (length > pairs + 1) break;
      const run = lastRun(length);
      if (!hasBit(filterAt, run >> filterShift)) continue;
      const slot = seek(run);
      if (load<u64>(slotsAt + (<usize>slot << 3)) == 0) continue;
      const hit = hitsAt + (<usize>hits << 4);
      store<u32>(hit, slot);
      store<u32>(hit, load<u32>(ringAt + (<usize>((words - length) & ringMask) << 4), 8), 4);
      store<u32>(hit, <u32>(wordEnd - textStart), 8);
      store<u32>(hit, length, 12);
      hits++;
    }
  }
  return hits;
}

/**
 * Puts every run of `length` words of the text into the tables and the slot of each at `out` (a u32 each);
 * returns their number.
 */
export function insertRuns(length: u32, out: usize): u32 {
  let runs: u32 = 0;
  for (let hash = nextWord(); hash != 0; hash = nextWord()) {
    pushWord(hash);
    if (words > 1) setBit(pairsAt, lastRun(2) >> pairShift);
    if (words < length) continue;
    const run = lastRun(length);
    setBit(filterAt, run >> filterShift);
    const slot = seek(run);
    store<u64>(slotsAt + (<usize>slot << 3), run);
    store<u32>(out + (<usize>runs << 2), slot);
    runs++;
  }
  return runs;
}

@inline
function hasBit(table: usize, bit: u64): bool {
  return ((load<u8>(table + <usize>(bit >> 3)) >> <u8>(bit & 7)) & 1) != 0;
}

@inline
function setBit(table: usize, bit: u64): void {
  const byte = table + <usize>(bit >> 3);
  store<u8>(byte, load<u8>(byte) | (1 << <u8>(bit & 7)));
}

/** The hash of a run as stored in the table; never 0. */
@inline
function mix(run: u64, length: u32): u64 {
  let mixed = (run ^ <u64>length) * mixer;
  mixed ^= mixed >> 32;
  mixed *= multiplier;
  return mixed | 1;
}

/** The slot of a run, or the empty slot where it belongs. */
function seek(run: u64): u32 {
  const mask: u64 = (<u64>-1) >> slotShift;
  let slot = (run * base >> slotShift) & mask;
  let found = load<u64>(slotsAt + (<usize>slot << 3));
  while (found != run && found != 0) {
    slot = (slot + 1) & mask;
    found = load<u64>(slotsAt + (<usize>slot << 3));
  }
  return <u32>slot;
}

/** Folds the code point at `at` and moves past it; 0 if it separates words or is not valid UTF-8. */
@inline
function nextFolded(): u32 {
  let codePoint: u32 = load<u8>(at);
  if (codePoint < 0x80) {
    at++;
    return load<u32>(foldsAt + (<usize>codePoint << 2));
  }
  const bytes: usize = codePoint >= 0xf0 ? 4 : codePoint >= 0xe0 ? 3 : 2;
  if (codePoint < 0xc2 || at + bytes > end) {
    at++;
    return 0;
  }
  codePoint &= 0x7f >> <u32>bytes;
  for (let i: usize = 1; i < bytes; i++) codePoint = (codePoint << 6) | (load<u8>(at + i) & 0x3f);
  at += bytes;
  return codePoint < folds ? load<u32>(foldsAt + (<usize>codePoint << 2)) : 0;
}
