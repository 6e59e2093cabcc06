// Files wherever they are, on this machine or behind an address: how large, since when, and their bytes from
// anywhere in them.

import { readdir, stat } from 'node:fs/promises';
import { fail, reasonOf, systemCode } from '../../run/errors/errors.ts';
import { openPool } from './pool.ts';
import { checkRegular, openRegular } from '../../run/regular-file.ts';
import { readRange } from '../remote/read.ts';
import type { FileRange } from '../remote/store.ts';
import { isRemote, showPath } from '../../run/address.ts';
import { openStore } from '../remote/open.ts';

const pieceBytes = 1 << 20;
const buffers = openPool(4, () => Buffer.allocUnsafeSlow(pieceBytes));

export interface FileState {
  bytes: number;
  modifiedMs: number;
}

/**
 * Size and time of change of a regular file. Errors: FILE_NOT_FOUND, FILE_UNREADABLE (also for anything but a
 * file), REMOTE_DENIED, REMOTE_FAILED.
 */
export async function statFile(path: string): Promise<FileState> {
  if (isRemote(path)) {
    const files = await (await openStore(path)).list(path);
    // A name may look like a pattern, and others match it as well.
    const file = files.find(({ url }) => url === path) ?? files[0];
    if (file === undefined) throw fail('FILE_NOT_FOUND', { path: showPath(path), what: 'The file' });
    return { bytes: file.bytes, modifiedMs: file.modifiedMs };
  }
  try {
    const found = await stat(path);
    checkRegular(found);
    return { bytes: found.size, modifiedMs: found.mtimeMs };
  } catch (error) {
    throw systemCode(error) === 'ENOENT'
      ? fail('FILE_NOT_FOUND', { path, what: 'The file' }, error)
      : fail('FILE_UNREADABLE', { path, reason: reasonOf(error) }, error);
  }
}

/** Names in a folder of this machine; none where there is no such folder. */
export async function listFolder(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/**
 * The bytes of a file from `start` on, at most up to `end`, read no faster than they are used; a piece is of
 * use until the next is asked for. Errors: those of `statFile` and of reading (system errors for local
 * files); SHARD_CHANGED where a remote file changes meanwhile.
 */
export async function* readPieces(path: string, start = 0, end = Infinity): AsyncGenerator<Uint8Array> {
  if (isRemote(path)) {
    const { bytes } = await statFile(path);
    yield* readRange(path, { start, end: Math.min(end, bytes), fileBytes: bytes });
    return;
  }
  const file = await openRegular(path);
  const buffer = buffers.take();
  try {
    for (let at = start; at < end;) {
      const { bytesRead } = await file.read(buffer, 0, Math.min(pieceBytes, end - at), at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
    buffers.give(buffer);
  }
}

/** The bytes of a range that a file of a known size has. Errors: those of `readPieces`. */
export function readBetween(path: string, range: FileRange): AsyncGenerator<Uint8Array> {
  return isRemote(path) ? readRange(path, range) : readPieces(path, range.start, range.end);
}

/** The pieces in memory of their own, for whoever keeps them. */
export async function* copyPieces(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) yield Uint8Array.from(piece);
}

/** The size of what is at a path, in bytes; undefined where nothing is. Errors: the system's. */
export async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
