// The part of Thrift's compact protocol that Parquet's metadata needs. Unknown values are skipped without
// allocating memory, because a damaged file may claim lists of any length.

import { type Cursor, readVarInt } from './cursor.ts';

export const i32 = 5;
export const i64 = 6;
export const binary = 8;
export const list = 9;
export const struct = 12;

const deepest = 8;

/** Reads the value of a field, whose type in the protocol is `type`. */
export type FieldReader = (type: number) => void;

/**
 * Reads a struct: each field with a reader, by its number, goes to that reader; the others are skipped.
 * Throws if it is damaged, `cutShort` if it ends early.
 */
export function readStruct(cursor: Cursor, readers: Readonly<Record<number, FieldReader>>, depth = 0): void {
  if (depth > deepest) throw new Error('a struct is too deep');
  let id = 0;
  for (let head = cursor.byte(); head !== 0; head = cursor.byte()) {
    id = head >> 4 === 0 ? readInteger(cursor) : id + (head >> 4);
    const read = readers[id];
    if (read === undefined) skipValue(cursor, head & 15, depth);
    else read(head & 15);
  }
}

/** Reads a list, element by element. */
export function readList(cursor: Cursor, readElement: FieldReader): void {
  const head = cursor.byte();
  const count = head >> 4 === 15 ? readVarInt(cursor) : head >> 4;
  for (let i = 0; i < count; i++) readElement(head & 15);
}

/** A signed whole number, zigzag-encoded. */
export function readInteger(cursor: Cursor): number {
  const value = readVarInt(cursor);
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
}

/** A reader of a whole number. */
export function integerReader(cursor: Cursor, take: (value: number) => void): FieldReader {
  return (type) => {
    if (type < 4 || type > i64) throw new Error('a field has another type than it should have');
    take(readInteger(cursor));
  };
}

/** A reader of bytes, returned as a view. */
export function binaryReader(cursor: Cursor, take: (value: Uint8Array) => void): FieldReader {
  return (type) => {
    if (type !== binary) throw new Error('a field has another type than it should have');
    take(cursor.take(readVarInt(cursor)));
  };
}

/** A reader of a value's encoded bytes, to write them again. */
export function rawReader(
  bytes: Uint8Array,
  cursor: Cursor,
  take: (value: ThriftValue) => void,
): FieldReader {
  return (type) => {
    const start = cursor.at();
    skipValue(cursor, type);
    take({ type, bytes: bytes.subarray(start, cursor.at()) });
  };
}

/** Skips a value. The value of a Boolean field is in its type. */
export function skipValue(cursor: Cursor, type: number, depth = 0): void {
  if (type === 1 || type === 2) return;
  if (type === 3) cursor.skip(1);
  else if (type === 4 || type === i32 || type === i64) readVarInt(cursor);
  else if (type === 7) cursor.skip(8);
  else if (type === binary) cursor.skip(readVarInt(cursor));
  else if (type === struct) readStruct(cursor, {}, depth + 1);
  // Every element takes at least one byte, so a list of false length stops at the end of the bytes.
  else if (type === list || type === 10)
    readList(cursor, (element) =>
      element === 1 || element === 2 ? cursor.skip(1) : skipValue(cursor, element, depth + 1),
    );
  else throw new Error('a field has an unknown type');
}

/** A value to write, with its type in the protocol. */
export interface ThriftValue {
  type: number;
  bytes: Uint8Array;
}

export const writeI32 = (value: number): ThriftValue => ({ type: i32, bytes: integerBytes(value) });
export const writeI64 = (value: number): ThriftValue => ({ type: i64, bytes: integerBytes(value) });
export const writeBinary = (value: Uint8Array): ThriftValue => ({
  type: binary,
  bytes: Buffer.concat([varIntBytes(value.length), value]),
});

/** A list of values of one type. */
export function writeList(type: number, values: readonly Uint8Array[]): ThriftValue {
  const head =
    values.length < 15
      ? [Uint8Array.of((values.length << 4) | type)]
      : [Uint8Array.of(0xf0 | type), varIntBytes(values.length)];
  return { type: list, bytes: Buffer.concat([...head, ...values]) };
}

/** A struct of the defined fields, by their numbers (ascending, as JavaScript orders such keys). */
export function writeStruct(fields: Readonly<Record<number, ThriftValue | undefined>>): ThriftValue {
  const parts: Uint8Array[] = [];
  let last = 0;
  for (const [key, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const id = Number(key);
    parts.push(
      id - last < 16
        ? Uint8Array.of(((id - last) << 4) | value.type)
        : Buffer.concat([Uint8Array.of(value.type), integerBytes(id)]),
      value.bytes,
    );
    last = id;
  }
  return { type: struct, bytes: Buffer.concat([...parts, Uint8Array.of(0)]) };
}

function integerBytes(value: number): Uint8Array {
  return varIntBytes(value < 0 ? -2 * value - 1 : 2 * value);
}

/** A variable-length whole number: groups of seven bits, the lowest first. */
export function varIntBytes(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return Uint8Array.from([...bytes, rest]);
}
