// Collects the content of a Parquet page: levels, and values in plain encoding or as dictionary indices.

import { withRoom } from '../jsonl/lines.ts';
import type { Values } from './page-values.ts';
import { bitsFor, writeHybrid } from './hybrid.ts';

/** Values of one column in the plain encoding. */
interface PlainValues {
  add(values: Values, index: number): void;
  bytes(): number;
  content(): Buffer;
  clear(): void;
}

/** With `width` 0, each value follows its length in 4 bytes. */
function openPlainValues(width: number): PlainValues {
  let held = Buffer.allocUnsafeSlow(1 << 12);
  let length = 0;
  return {
    add({ bytes, width: own, starts, ends }, index) {
      const start = own > 0 ? index * own : (starts[index] ?? 0);
      const size = own > 0 ? own : (ends[index] ?? 0) - start;
      held = withRoom(held, length, size + 4);
      if (width === 0) {
        held.writeUInt32LE(size, length);
        length += 4;
      }
      // Creating a view of a few bytes takes longer than copying them.
      if (size <= 16) for (let i = 0; i < size; i++) held[length + i] = bytes[start + i] ?? 0;
      else held.set(bytes.subarray(start, start + size), length);
      length += size;
    },
    bytes: () => length,
    content: () => held.subarray(0, length),
    clear: () => void (length = 0),
  };
}

export interface Dictionary {
  count(): number;
  bytes(): number;
  content(): Uint8Array;
  /** The index of a value, which is added if it is new. */
  indexOf(values: Values, index: number): number;
  /** The values, to add them to a page. */
  values(): Values;
}

/** Opens a dictionary of the values used from the source dictionaries. */
export function openDictionary(width: number): Dictionary {
  const plain = openPlainValues(width);
  const known = new Map<string, number>();
  const starts: number[] = [];
  const ends: number[] = [];
  const places = new WeakMap<Values, Int32Array>();
  return {
    count: () => known.size,
    bytes: () => plain.bytes(),
    content: () => plain.content(),
    indexOf(values, index) {
      let own = places.get(values);
      if (own === undefined) {
        own = new Int32Array(values.count).fill(-1);
        places.set(values, own);
      }
      const before = own[index] ?? -1;
      if (before >= 0) return before;
      const start = values.width > 0 ? index * values.width : (values.starts[index] ?? 0);
      const end = values.width > 0 ? start + values.width : (values.ends[index] ?? 0);
      const key = Buffer.from(values.bytes.buffer, values.bytes.byteOffset + start, end - start).toString(
        'latin1',
      );
      let place = known.get(key);
      if (place === undefined) {
        place = known.size;
        known.set(key, place);
        plain.add(values, index);
        ends.push(plain.bytes());
        starts.push(plain.bytes() - (end - start));
      }
      own[index] = place;
      return place;
    },
    values: () => ({
      count: known.size,
      bytes: plain.content(),
      width,
      starts: Uint32Array.from(starts),
      ends: Uint32Array.from(ends),
    }),
  };
}

export interface PageBuilder {
  addEntry(repetition: number, definition: number): void;
  addValue(values: Values, index: number): void;
  /** Adds a value by its index in the dictionary. */
  addIndex(place: number): void;
  /** Whether all values so far are in the dictionary. */
  isIndexed(): boolean;
  entries(): number;
  values(): number;
  bytes(): number;
  /** Takes the uncompressed content and empties the page. */
  take(): Uint8Array;
}

/** Opens a page of a column with these maximum levels; `width` is the bytes per value, 0 if they differ. */
export function openPage(
  dictionary: Dictionary,
  maxDefinition: number,
  maxRepetition: number,
  width: number,
  isBoolean: boolean,
): PageBuilder {
  const plain = openPlainValues(width);
  let levels = { repetition: new Uint8Array(1 << 10), definition: new Uint8Array(1 << 10) };
  let indices = new Uint32Array(1 << 10);
  let [entries, values, indexed] = [0, 0, 0];
  return {
    addEntry(repetition, definition) {
      if (entries === levels.repetition.length)
        levels = { repetition: larger(levels.repetition), definition: larger(levels.definition) };
      levels.repetition[entries] = repetition;
      levels.definition[entries] = definition;
      entries++;
    },
    addValue(source, index) {
      // A page has either plain values or indices.
      if (indexed > 0) {
        const known = dictionary.values();
        for (let i = 0; i < indexed; i++) plain.add(known, indices[i] ?? 0);
        indexed = 0;
      }
      plain.add(source, index);
      values++;
    },
    addIndex(place) {
      if (indexed === indices.length) {
        const more = new Uint32Array(2 * indexed);
        more.set(indices);
        indices = more;
      }
      indices[indexed++] = place;
      values++;
    },
    isIndexed: () => indexed === values,
    entries: () => entries,
    values: () => values,
    bytes: () => plain.bytes() + 4 * indexed,
    take() {
      const content = Buffer.concat([
        ...levelBytes(levels.repetition, entries, maxRepetition),
        ...levelBytes(levels.definition, entries, maxDefinition),
        ...(indexed > 0
          ? indexBytes(indices, indexed, dictionary.count())
          : [isBoolean ? packBooleans(plain.content()) : plain.content()]),
      ]);
      plain.clear();
      [entries, values, indexed] = [0, 0, 0];
      return content;
    },
  };
}

function larger(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const more = new Uint8Array(2 * bytes.length);
  more.set(bytes);
  return more;
}

function levelBytes(levels: Uint8Array, count: number, most: number): Uint8Array[] {
  if (most === 0) return [];
  const runs = writeHybrid(levels, count, bitsFor(most));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(runs.length);
  return [length, runs];
}

function indexBytes(indices: Uint32Array, count: number, dictionaryCount: number): Uint8Array[] {
  const width = Math.max(1, bitsFor(dictionaryCount - 1));
  return [Uint8Array.of(width), writeHybrid(indices, count, width)];
}

function packBooleans(values: Uint8Array): Uint8Array {
  const packed = new Uint8Array(Math.ceil(values.length / 8));
  for (const [i, value] of values.entries()) packed[i >> 3] = (packed[i >> 3] ?? 0) | (value << (i & 7));
  return packed;
}
