// Reads a binary file piece by piece and never past its end: lengths in the file are checked before memory is
// allocated.

import { closeSync, fstatSync, readSync } from 'node:fs';
import { readError } from '../../run/errors/errors.ts';
import { openRegularSync } from '../../run/regular-file.ts';

export interface FileBytes {
  size: number;
  /** The bytes [position, position + length). Throws if the file ends before. */
  bytesAt(position: number, length: number): Buffer;
  close: () => void;
}

/** Opens a file for reading by position. Errors: FILE_NOT_FOUND, FILE_UNREADABLE. */
export function openFileBytes(path: string, what: string): FileBytes {
  let file: number;
  try {
    file = openRegularSync(path);
  } catch (error) {
    throw readError(error, path, what);
  }
  const { size } = fstatSync(file);
  return {
    size,
    bytesAt(position, length) {
      if (!(length >= 0 && position + length <= size))
        throw new Error(`it ends at byte ${size}, but needs ${length} more after byte ${position}`);
      const bytes = Buffer.allocUnsafeSlow(length);
      for (let done = 0; done < length;) {
        const read = readSync(file, bytes, done, Math.min(length - done, 1 << 30), position + done);
        if (read === 0) throw new Error('it was truncated while being read');
        done += read;
      }
      return bytes;
    },
    close: () => closeSync(file),
  };
}

export interface Cursor {
  /** Offset of the next value. */
  readonly position: number;
  int8(): number;
  int32(): number;
  /** A 64-bit integer. Throws if a number cannot represent it exactly. */
  int64(): number;
  float64(): number;
  /** The bytes up to the next 0, which is skipped. */
  cString(): Buffer;
  floats(count: number): Float32Array;
  bytes(count: number): Buffer;
  skip(bytes: number): void;
  /** Throws if fewer bytes are left. */
  require(bytes: number): void;
}

const windowBytes = 1 << 20;

/** Reads little-endian values in sequence from the start of the file. Throws at its end. */
export function openCursor(file: FileBytes): Cursor {
  let window: Buffer = Buffer.alloc(0);
  let windowAt = 0;
  let at = 0;
  const look = (bytes: number): void => {
    windowAt += at;
    at = 0;
    window = file.bytesAt(windowAt, Math.max(bytes, Math.min(windowBytes, file.size - windowAt)));
  };
  const take = (bytes: number): Buffer => {
    if (at + bytes > window.length) look(bytes);
    at += bytes;
    return window.subarray(at - bytes, at);
  };
  const seek = (position: number): void => {
    windowAt = position;
    window = Buffer.alloc(0);
    at = 0;
  };
  const bytes = (count: number): Buffer => {
    const taken = file.bytesAt(windowAt + at, count);
    seek(windowAt + at + count);
    return taken;
  };
  return {
    get position() {
      return windowAt + at;
    },
    int8: () => take(1).readInt8(),
    int32: () => take(4).readInt32LE(),
    int64() {
      const value = Number(take(8).readBigInt64LE());
      if (!Number.isSafeInteger(value)) throw new Error(`it has ${value} as a count`);
      return value;
    },
    float64: () => take(8).readDoubleLE(),
    cString() {
      for (let bytesSeen = windowBytes; window.indexOf(0, at) < 0; bytesSeen *= 2) {
        if (windowAt + window.length === file.size) throw new Error('it ends in the middle of a word');
        look(Math.min(bytesSeen, file.size - windowAt - at));
      }
      const text = take(window.indexOf(0, at) - at);
      at++;
      return text;
    },
    bytes,
    floats(count) {
      const taken = bytes(count * 4);
      return new Float32Array(taken.buffer, taken.byteOffset, count);
    },
    skip: (count) => seek(windowAt + at + count),
    require(count) {
      const left = file.size - windowAt - at;
      if (!(count <= left)) throw new Error(`it declares ${count} more bytes, but only ${left} are left`);
    },
  };
}
