// Local and remote files: their size, modification time, and any range of their bytes.

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
 * Size and modification time of a regular file. Errors: FILE_NOT_FOUND, FILE_UNREADABLE (also if it is not a
 * regular file), REMOTE_DENIED, REMOTE_FAILED.
 */
export async function statFile(path: string): Promise<FileState> {
  if (isRemote(path)) {
    const files = await (await openStore(path)).list(path);
    // A name may look like a pattern that other files match, too.
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

/** Names in a local folder; none if it does not exist. */
export async function listFolder(path: string): Promise<string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    throw error;
  }
}

/**
 * Yields the bytes [start, end) of a file, or up to its end, no faster than they are consumed; a piece is
 * valid until the next is requested. Errors: those of `statFile` and of reading (system errors for local
 * files); SHARD_CHANGED if a remote file changes while it is read.
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

/** Yields a range of bytes of a file of known size. Errors: those of `readPieces`. */
export function readBetween(path: string, range: FileRange): AsyncGenerator<Uint8Array> {
  return isRemote(path) ? readRange(path, range) : readPieces(path, range.start, range.end);
}

/** Copies of the pieces, for callers that keep them. */
export async function* copyPieces(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) yield Uint8Array.from(piece);
}

/** The size of a file in bytes; undefined if it does not exist. Errors: system errors. */
export async function sizeOf(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
