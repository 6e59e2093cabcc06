// Reads and writes files from memory that threads share, and computes their checksum.

import type { FileHandle } from 'node:fs/promises';
import { ifThere } from '../../run/errors/errors.ts';
import { openRegular } from '../../run/regular-file.ts';

/** The most that one system call reads or writes. */
const mostBytes = 1 << 30;

/** The bytes of a file, in shared memory; undefined if it does not exist or shrinks while it is read. */
export async function readShared(path: string): Promise<Uint8Array<SharedArrayBuffer> | undefined> {
  const file = await ifThere(openRegular(path));
  if (file === undefined) return undefined;
  try {
    const bytes = new Uint8Array(new SharedArrayBuffer((await file.stat()).size));
    for (let from = 0; from < bytes.length;) {
      const { bytesRead } = await file.read(bytes, from, Math.min(mostBytes, bytes.length - from), from);
      if (bytesRead === 0) return undefined;
      from += bytesRead;
    }
    return bytes;
  } finally {
    await file.close();
  }
}

/** Writes all bytes at an offset of a file. */
export async function writeAll(file: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let from = 0; from < bytes.length;)
    from += (await file.write(bytes, from, Math.min(mostBytes, bytes.length - from), at + from)).bytesWritten;
}

/** Extends a checksum, which starts with 0, by more words. Every change of a single word changes it. */
export function addWords(checksum: number, words: Uint32Array): number {
  let sum = checksum | 0;
  for (let i = 0; i < words.length; i++) sum = (Math.imul(sum, 31) + (words[i] ?? 0)) | 0;
  return sum >>> 0;
}
