// Reading a local file without ever waiting for somebody else. To open a pipe waits for whoever writes into
// it, in a thread that nothing can interrupt: the command could then not even be ended. So whatever is opened
// is a regular file, or a pipe that is read once, on the event loop.

import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { Socket } from 'node:net';
import { isatty, ReadStream } from 'node:tty';

/** Windows has no such flag, and no pipes among its files. */
const flags = constants.O_RDONLY | (process.platform === 'win32' ? 0 : constants.O_NONBLOCK);

type Kind = 'file' | 'folder' | 'named pipe (FIFO)' | 'socket' | 'character device' | 'block device';

/** What is at a path, in a user's words. */
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

/** Throws where it is anything but a regular file, and says what it is. */
export function checkRegular(stats: Parameters<typeof kindOf>[0]): void {
  const kind = kindOf(stats);
  if (kind !== 'file') throw new Error(`it is a ${kind}, but only a regular file can be read here`);
}

/** Opens a regular file for reading. Throws for anything else, and the system's errors. */
export async function openRegular(path: string): Promise<FileHandle> {
  // To open a device may do something to it, so it is looked at first; what it has become since does not
  // block.
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

/** The same, at once. */
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

/** All of a regular file. Throws as `openRegular`. */
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

/** The same, at once. */
export function readRegularSync(path: string): Buffer {
  const file = openRegularSync(path);
  try {
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

/**
 * The text of a small file that is read once: a regular one, or a pipe or terminal, such as `<(command)` and
 * /dev/stdin. Throws for anything else, where it has more than `mostBytes`, and the system's errors.
 */
export async function readOnce(path: string, mostBytes: number): Promise<string> {
  const found = await stat(path);
  const isStream = found.isFIFO() || found.isCharacterDevice();
  const source = isStream ? openStream(path) : await openRegular(path);
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of source instanceof Socket ? source : source.createReadStream()) {
    if (!Buffer.isBuffer(piece)) continue;
    bytes += piece.length;
    if (bytes > mostBytes) throw new Error(`it has more than ${mostBytes} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}

/** A pipe, whoever writes into it and however late, or a terminal. */
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
