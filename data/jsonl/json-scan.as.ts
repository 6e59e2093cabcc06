// The JSON Lines scanner, in AssemblyScript (compiled to WebAssembly with SIMD). It scans a block of lines
// once, checks each line against the JSON grammar, copies the text out as UTF-8, and records where the other
// fields are. It accepts only ordinary lines: a line that is not valid JSON, or is unusual (escaped or
// repeated field names, deep nesting, a field of another type, an empty text), is marked odd and left to the
// slow parser (json-line.ts); tests check that both agree. NaN and Infinity, which Python writes, are
// accepted in values that are not read.

// Fields, in the host's order: id, text, source, tokens. Each is a key, or keys from the outermost object to
// the innermost, separated by dots.
const fieldCount: i32 = 4;
const textField: i32 = 1;

/** Where the host writes 512 bytes for each field: the length of its name (u32), then the name. */
export const fieldsAt: i32 = 1024;
export const fieldBytes: i32 = 512;
/** Where the host writes the block, followed by 32 zero bytes. */
export const blockAt: i32 = fieldsAt + fieldCount * fieldBytes;
/**
 * Numbers (u32) in a line's record: line, start, end, odd, then start and end of id's, source's and tokens'
 * values (0: none), end of its text.
 */
export const recordNumbers: i32 = 11;

const deepest: i32 = 64;
const quote: u32 = 0x22;
const backslash: u32 = 0x5c;

let at: i32 = 0;
let out: i32 = 0;
let seen: i32 = 0;
let met: i32 = 0;
let record: i32 = 0;
let nesting: i32 = 0;

/**
 * Scans `length` bytes at `blockAt`. Writes texts from `textsAt` and records from `recordsAt`; returns the
 * number of records. Blank lines have none.
 */
export function scan(length: i32, textsAt: i32, recordsAt: i32): i32 {
  const end = blockAt + length;
  let records: i32 = 0;
  let line: i32 = 0;
  at = blockAt;
  out = textsAt;
  record = recordsAt;
  while (at < end) {
    const start = at;
    skipSpace();
    if (load<u8>(at) != 0x0a && at < end) {
      const before = out;
      memory.fill(record, 0, recordNumbers << 2);
      const ordinary = scanLine(end);
      if (ordinary) met |= seen;
      else {
        out = before;
        at = findLineFeed(start, end);
      }
      store<u32>(record, line, 0);
      store<u32>(record, start, 4);
      store<u32>(record, at, 8);
      store<u32>(record, ordinary ? 0 : 1, 12);
      store<u32>(record, out, 40);
      record += recordNumbers << 2;
      records++;
    }
    at++;
    line++;
  }
  return records;
}

/** The fields of ordinary lines since the last call, as a mask. */
export function takeMet(): i32 {
  const fields = met;
  met = 0;
  return fields;
}

/** Scans one line: an object with a text, and nothing after it. Leaves `at` at the line's end. */
function scanLine(end: i32): bool {
  const before = out;
  seen = 0;
  nesting = 0;
  if (load<u8>(at) != 0x7b || !scanObject((1 << fieldCount) - 1, 0)) return false;
  skipSpace();
  if (at < end && load<u8>(at) != 0x0a) return false;
  return (seen & (1 << textField)) != 0 && hasVisible(before, out);
}

/**
 * Scans an object from its brace and looks for the fields of the mask, by their names without the first
 * `prefix` bytes, which are the keys around the object.
 */
function scanObject(mask: i32, prefix: i32): bool {
  if (++nesting > deepest) return false;
  let entered = 0;
  at++;
  skipSpace();
  if (load<u8>(at) == 0x7d) return leave();
  while (true) {
    if (load<u8>(at) != quote) return false;
    const key = at + 1;
    if (!skipString()) return false;
    const length = at - 1 - key;
    skipSpace();
    if (load<u8>(at) != 0x3a) return false;
    at++;
    skipSpace();
    const matches = mask != 0 ? matchFields(mask, prefix, key, length) : 0;
    const wanted = matches & ((1 << fieldCount) - 1);
    const inside = matches >> fieldCount;
    if (inside != 0) {
      // If two keys may lead to a field, or are equal, the slow parser decides.
      if ((entered & inside) != 0) return false;
      entered |= inside;
    }
    if (mask != 0 && matches == 0 && hasBackslash(key, length)) return false;
    if (wanted != 0) {
      if (!scanField(wanted)) return false;
    } else if (inside != 0 && load<u8>(at) == 0x7b) {
      if (!scanObject(inside, prefix + length + 1)) return false;
    } else if (!skipValue()) return false;
    skipSpace();
    const next = load<u8>(at);
    if (next == 0x7d) return leave();
    if (next != 0x2c) return false;
    at++;
    skipSpace();
  }
}

function leave(): bool {
  at++;
  nesting--;
  return true;
}

/** Scans the value of a field: a string, a number, or null; the text must be a string. */
function scanField(wanted: i32): bool {
  if ((seen & wanted) != 0) return false;
  const start = at;
  const first = load<u8>(at);
  if ((wanted & (1 << textField)) != 0) {
    if (first != quote || !copyString()) return false;
  } else if (first == quote) {
    if (!skipString()) return false;
  } else if (first == 0x6e) {
    if (!skipLiteral(0x6c6c756e, 4)) return false;
  } else if (!skipNumber()) return false;
  seen |= wanted;
  if (first == 0x6e) return true;
  if ((wanted & 1) != 0) note(16, start);
  if ((wanted & 4) != 0) note(24, start);
  if ((wanted & 8) != 0) note(32, start);
  return true;
}

@inline
function note(offset: i32, start: i32): void {
  store<u32>(record + offset, start, 0);
  store<u32>(record + offset, at, 4);
}

/**
 * The fields of the mask whose names, without their first `prefix` bytes, equal the key; and, shifted by
 * `fieldCount`, those in which a dot follows the key.
 */
function matchFields(mask: i32, prefix: i32, key: i32, length: i32): i32 {
  let matched = 0;
  for (let field = 0; field < fieldCount; field++) {
    if ((mask & (1 << field)) == 0) continue;
    const entry = fieldsAt + field * fieldBytes;
    const name = entry + 4 + prefix;
    const left = <i32>load<u32>(entry) - prefix;
    if (left == length) {
      if (memory.compare(name, key, length) == 0) matched |= 1 << field;
    } else if (left > length + 1 && load<u8>(name + length) == 0x2e && length > 0) {
      if (memory.compare(name, key, length) == 0) matched |= 1 << (fieldCount + field);
    }
  }
  return matched;
}

function hasBackslash(from: i32, length: i32): bool {
  for (let i = 0; i < length; i++) if (load<u8>(from + i) == backslash) return true;
  return false;
}

function hasVisible(from: i32, to: i32): bool {
  for (let i = from; i < to; i++) if (load<u8>(i) > 0x20) return true;
  return false;
}

/** Validates and skips any value. */
function skipValue(): bool {
  const first = load<u8>(at);
  if (first == quote) return skipString();
  if (first == 0x7b) return scanObject(0, 0);
  if (first == 0x5b) return skipArray();
  if (first == 0x74) return skipLiteral(0x65757274, 4);
  if (first == 0x6e) return skipLiteral(0x6c6c756e, 4);
  if (first == 0x66) return load<u8>(at, 4) == 0x65 && skipLiteral(0x736c6166, 5);
  if (first == 0x4e) return skipNaN();
  if (first == 0x49) return skipInfinity();
  if (first == 0x2d && load<u8>(at, 1) == 0x49) {
    at++;
    return skipInfinity();
  }
  return skipNumber();
}

function skipArray(): bool {
  if (++nesting > deepest) return false;
  at++;
  skipSpace();
  if (load<u8>(at) == 0x5d) return leave();
  while (true) {
    if (!skipValue()) return false;
    skipSpace();
    const next = load<u8>(at);
    if (next == 0x5d) return leave();
    if (next != 0x2c) return false;
    at++;
    skipSpace();
  }
}

@inline
function skipLiteral(word: u32, length: i32): bool {
  if (load<u32>(at) != word) return false;
  at += length;
  return true;
}

/** Skips Infinity, from its first letter. */
function skipInfinity(): bool {
  if (load<u64>(at) != 0x7974696e69666e49) return false;
  at += 8;
  return true;
}

function skipNaN(): bool {
  if ((load<u32>(at) & 0xffffff) != 0x4e614e) return false;
  at += 3;
  return true;
}

function skipNumber(): bool {
  if (load<u8>(at) == 0x2d) at++;
  if (load<u8>(at) == 0x30) at++;
  else if (!skipDigits()) return false;
  if (load<u8>(at) == 0x2e) {
    at++;
    if (!skipDigits()) return false;
  }
  if ((load<u8>(at) | 0x20) == 0x65) {
    at++;
    const sign = load<u8>(at);
    if (sign == 0x2b || sign == 0x2d) at++;
    if (!skipDigits()) return false;
  }
  return true;
}

function skipDigits(): bool {
  const start = at;
  while (load<u8>(at) - 0x30 < <u8>10) at++;
  return at > start;
}

@inline
function skipSpace(): void {
  while (true) {
    const byte = load<u8>(at);
    if (byte != 0x20 && byte != 0x09 && byte != 0x0d) return;
    at++;
  }
}

/** A mask of the bytes, of 16, that interrupt a string's body: quote, backslash, control characters. */
@inline
function stops(bytes: v128): i32 {
  const delimiters = v128.or(i8x16.eq(bytes, i8x16.splat(0x22)), i8x16.eq(bytes, i8x16.splat(0x5c)));
  return i8x16.bitmask(v128.or(delimiters, i8x16.lt_u(bytes, i8x16.splat(0x20))));
}

/** Validates and skips a string, from its quote. */
function skipString(): bool {
  // Positions are in local variables: globals would be stored and loaded at every step.
  let from = at + 1;
  while (true) {
    const stop = stops(v128.load(from));
    if (stop == 0) {
      from += 16;
      continue;
    }
    from += ctz(stop);
    const byte = load<u8>(from);
    if (byte == quote) {
      at = from + 1;
      return true;
    }
    if (byte != backslash) return false;
    const escaped = load<u8>(from, 1);
    if (escaped == 0x75) {
      if (readHex(from + 2) < 0) return false;
      from += 6;
    } else {
      if (plainEscape(escaped) == 0) return false;
      from += 2;
    }
  }
}

/**
 * Validates a string, from its quote, and copies it to `out` unescaped. The copy is never longer, so writing
 * 16 bytes at a time is safe.
 */
function copyString(): bool {
  let from = at + 1;
  let to = out;
  while (true) {
    const bytes = v128.load(from);
    const stop = stops(bytes);
    v128.store(to, bytes);
    if (stop == 0) {
      from += 16;
      to += 16;
      continue;
    }
    const step = ctz(stop);
    from += step;
    to += step;
    const byte = load<u8>(from);
    if (byte == quote) {
      at = from + 1;
      out = to;
      return true;
    }
    if (byte != backslash) return false;
    const escaped = load<u8>(from, 1);
    if (escaped == 0x75) {
      at = from;
      out = to;
      if (!copyUnicode()) return false;
      from = at;
      to = out;
    } else {
      const plain = plainEscape(escaped);
      if (plain == 0) return false;
      store<u8>(to, plain);
      to++;
      from += 2;
    }
  }
}

/** The character of a one-letter escape; 0 if it is invalid. */
@inline
function plainEscape(escaped: u32): u32 {
  if (escaped == 0x6e) return 0x0a;
  if (escaped == quote || escaped == backslash || escaped == 0x2f) return escaped;
  if (escaped == 0x74) return 0x09;
  if (escaped == 0x72) return 0x0d;
  if (escaped == 0x62) return 0x08;
  if (escaped == 0x66) return 0x0c;
  return 0;
}

/** Copies \uXXXX, or a surrogate pair, as UTF-8; a lone surrogate becomes U+FFFD. */
function copyUnicode(): bool {
  let code = readHex(at + 2);
  if (code < 0) return false;
  at += 6;
  if (code >= 0xd800 && code < 0xe000) {
    const second = code < 0xdc00 && load<u16>(at) == 0x755c ? readHex(at + 2) : -1;
    if (second >= 0xdc00 && second < 0xe000) {
      code = 0x10000 + ((code - 0xd800) << 10) + (second - 0xdc00);
      at += 6;
    } else code = 0xfffd;
  }
  if (code < 0x80) {
    store<u8>(out++, code);
  } else if (code < 0x800) {
    store<u8>(out++, 0xc0 | (code >> 6));
    store<u8>(out++, 0x80 | (code & 63));
  } else if (code < 0x10000) {
    store<u8>(out++, 0xe0 | (code >> 12));
    store<u8>(out++, 0x80 | ((code >> 6) & 63));
    store<u8>(out++, 0x80 | (code & 63));
  } else {
    store<u8>(out++, 0xf0 | (code >> 18));
    store<u8>(out++, 0x80 | ((code >> 12) & 63));
    store<u8>(out++, 0x80 | ((code >> 6) & 63));
    store<u8>(out++, 0x80 | (code & 63));
  }
  return true;
}

/** Reads four hexadecimal digits; -1 if they are invalid. */
function readHex(from: i32): i32 {
  let value = 0;
  for (let i = 0; i < 4; i++) {
    const byte = <i32>load<u8>(from + i);
    const letter = byte | 0x20;
    if (byte >= 0x30 && byte <= 0x39) value = (value << 4) | (byte - 0x30);
    else if (letter >= 0x61 && letter <= 0x66) value = (value << 4) | (letter - 0x57);
    else return -1;
  }
  return value;
}

function findLineFeed(from: i32, end: i32): i32 {
  let i = from;
  while (i < end) {
    const found = i8x16.bitmask(i8x16.eq(v128.load(i), i8x16.splat(0x0a)));
    if (found != 0) return min(i + ctz(found), end);
    i += 16;
  }
  return end;
}
