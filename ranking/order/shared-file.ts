// Whole files into memory that threads share, and out of it; and a checksum for them.

import type { FileHandle } from 'node:fs/promises';
import { ifThere } from '../../run/errors/errors.ts';
import { openRegular } from '../../run/regular-file.ts';

/** No more than this is read or written by one call of the system. */
const mostBytes = 1 << 30;

/** The bytes of a file, in shared memory; undefined where there is none, or it ends while it is read. */
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

/** Writes bytes to a place in a file. */
export async function writeAll(file: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let from = 0; from < bytes.length;)
    from += (await file.write(bytes, from, Math.min(mostBytes, bytes.length - from), at + from)).bytesWritten;
}

/**
 * A checksum, begun with 0 and carried on with more words, that no change of a single word leaves as it was.
 */
export function addWords(checksum: number, words: Uint32Array): number {
  let sum = checksum | 0;
  for (let i = 0; i < words.length; i++) sum = (Math.imul(sum, 31) + (words[i] ?? 0)) | 0;
  return sum >>> 0;
}
