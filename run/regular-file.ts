// Reads local files without blocking on other processes. Opening a pipe waits for its writer in a thread that
// nothing can interrupt, so the command could not even be stopped. Therefore only regular files are opened,
// or pipes that are read once, on the event loop.

import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { Socket } from 'node:net';
import { isatty, ReadStream } from 'node:tty';

/** Windows has no such flag, and no pipes in its file system. */
const flags = constants.O_RDONLY | (process.platform === 'win32' ? 0 : constants.O_NONBLOCK);

type Kind = 'file' | 'folder' | 'named pipe (FIFO)' | 'socket' | 'character device' | 'block device';

/** The kind of file at a path, for messages. */
export function kindOf(
  stats: Pick<Stats, 'isFile' | 'isDirectory' | 'isFIFO' | 'isSocket' | 'isBlockDevice'>,
): Kind {
  return stats.isFile()
    ? 'file'
    : stats.isDirectory()
      ? 'folder'
      : stats.isFIFO()
        ? 'named pipe (FIFO)'
        : stats.isSocket()
          ? 'socket'
          : stats.isBlockDevice()
            ? 'block device'
            : 'character device';
}

/** Throws if it is anything but a regular file; the message names the kind. */
export function checkRegular(stats: Parameters<typeof kindOf>[0]): void {
  const kind = kindOf(stats);
  if (kind !== 'file') throw new Error(`it is a ${kind}, but only a regular file can be read here`);
}

/** Opens a regular file for reading. Throws for anything else, and system errors. */
export async function openRegular(path: string): Promise<FileHandle> {
  // Opening a device can have side effects, so the kind is checked first, and again afterwards.
  checkRegular(await stat(path));
  const file = await open(path, flags);
  try {
    checkRegular(await file.stat());
    return file;
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** The same, synchronously. */
export function openRegularSync(path: string): number {
  const file = openSync(path, flags);
  try {
    checkRegular(fstatSync(file));
    return file;
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

/** The content of a regular file. Throws like `openRegular`. */
export function readRegular(path: string): Promise<Buffer>;
export function readRegular(path: string, encoding: 'utf8'): Promise<string>;
export async function readRegular(path: string, encoding?: 'utf8'): Promise<Buffer | string> {
  const file = await openRegular(path);
  try {
    return await file.readFile(encoding);
  } finally {
    await file.close();
  }
}

/** The same, synchronously. */
export function readRegularSync(path: string): Buffer {
  const file = openRegularSync(path);
  try {
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

/**
 * The text of a small file that is read once: a regular file, a pipe, or a terminal, such as `<(command)` or
 * /dev/stdin. Throws for anything else, for more than `maxBytes`, and system errors.
 */
export async function readOnce(path: string, maxBytes: number): Promise<string> {
  const found = await stat(path);
  const isStream = found.isFIFO() || found.isCharacterDevice();
  const source = isStream ? openStream(path) : await openRegular(path);
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of source instanceof Socket ? source : source.createReadStream()) {
    if (!Buffer.isBuffer(piece)) continue;
    bytes += piece.length;
    if (bytes > maxBytes) throw new Error(`it has more than ${maxBytes} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** Opens a pipe, even before it has a writer, or a terminal. */
function openStream(path: string): Socket {
  const file = openSync(path, flags);
  try {
    const found = fstatSync(file);
    if (found.isFIFO()) return new Socket({ fd: file, readable: true, writable: false });
    if (found.isCharacterDevice() && isatty(file)) return new ReadStream(file);
    checkRegular(found);
    throw new Error('it became a file while it was being opened');
  } catch (error) {
    closeSync(file);
    throw error;
  }
}
