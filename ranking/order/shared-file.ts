// Whole files into memory that threads share, and out of it.

import { type FileHandle, open } from 'node:fs/promises';
import { ifThere } from '../../run/errors/errors.ts';

/** No more than this is read or written by one call of the system. */
const mostBytes = 1 << 30;

/** The bytes of a file, in shared memory; undefined where there is none, or it ends while it is read. */
export async function readShared(path: string): Promise<Uint8Array<SharedArrayBuffer> | undefined> {
  const file = await ifThere(open(path));
  if (file === undefined) return undefined;
  try {
    const bytes = new Uint8Array(new SharedArrayBuffer((await file.stat()).size));
    for (let from = 0; from < bytes.length; ) {
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
  for (let from = 0; from < bytes.length; ) from += (await file.write(bytes, from, Math.min(mostBytes, bytes.length - from), at + from)).bytesWritten;
}
