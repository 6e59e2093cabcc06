// A model's replies on disk, by the digest of what it was asked. Each process appends to a file of its own, one
// line for each reply, and reads the files of all others, so any number may judge at once and a killed one loses
// only what was in flight. An incomplete or damaged line counts as missing.

import { randomBytes } from 'node:crypto';
import { closeSync, readSync } from 'node:fs';
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { z } from 'zod';
import { ifThere, readError, writeError } from '../../run/errors/errors.ts';
import { openRegular, openRegularSync } from '../../run/regular-file.ts';
import { listFolder } from '../../data/files/files.ts';
import { type Reply, replySchema } from './ask.ts';
import { openPlaceIndex } from './place-index.ts';

/** A reply to store, and the tokens that the model read and wrote for it. */
export interface StoredReply<T> {
  digest: string;
  reply: T;
  tokens: number;
}

/** A store of a judge's replies, or of replies of another kind. */
export interface ReplyStore<T = Reply> {
  /** Tokens of all stored replies. */
  tokens(): number;
  /** Reads what other processes have stored since. Errors: FILE_UNREADABLE. */
  refresh(): Promise<void>;
  /** The stored replies to digests of 32 hex digits; undefined for missing ones. Errors: FILE_UNREADABLE. */
  find(digests: readonly string[]): (T | undefined)[];
  /** Stores replies. Errors: DISK_FULL, WRITE_FAILED. */
  add(replies: readonly StoredReply<T>[]): Promise<void>;
  /** Syncs and closes this process's file. Errors: DISK_FULL, WRITE_FAILED. */
  close(): Promise<void>;
}

const fileName = /^[0-9a-f]{16}\.replies$/;
/** A digest, the tokens, a checksum of the rest, and the reply. */
const line = /^([0-9a-f]{32}) (\d+) ([0-9a-f]{8}) (.+)$/;
const placesPerFile = 2 ** 36;
const pieceBytes = 1 << 20;

interface StoredFile {
  path: string;
  /** Bytes that are in the index. */
  read: number;
}

/** Opens a judge's replies in a folder, which need not exist. Errors: FILE_UNREADABLE. */
export async function openReplyStore(folder: string): Promise<ReplyStore> {
  return openStore(folder, replySchema);
}

/** Opens replies of a kind in a folder, which need not exist. Errors: FILE_UNREADABLE. */
export async function openStore<T>(folder: string, schema: z.ZodType<T>): Promise<ReplyStore<T>> {
  const index = openPlaceIndex();
  const files: StoredFile[] = [];
  let own: { file: FileHandle; stored: StoredFile; number: number } | undefined;
  let tokens = 0;
  let pending: { digest: string; text: string; tokens: number }[] = [];
  let writing: Promise<void> = Promise.resolve();

  const refresh = async (): Promise<void> => {
    const known = new Set(files.map(({ path }) => path));
    const names = await listFolder(folder).catch((error: unknown) => {
      throw readError(error, folder);
    });
    for (const name of names.sort()) {
      const path = join(folder, name);
      if (fileName.test(name) && !known.has(path)) files.push({ path, read: 0 });
    }
    for (const [number, file] of files.entries()) {
      if (file === own?.stored) continue;
      await readLines(file, (text, at) => {
        const stored = readLine(text);
        if (stored === undefined) return;
        tokens += stored.tokens;
        index.add(stored.digest, number * placesPerFile + at);
      });
    }
  };

  const openOwn = async (): Promise<NonNullable<typeof own>> => {
    await mkdir(folder, { recursive: true });
    const path = join(folder, `${randomBytes(8).toString('hex')}.replies`);
    const stored = { path, read: 0 };
    return { file: await open(path, 'ax'), stored, number: files.push(stored) - 1 };
  };

  /** Writes everything pending at once, so that many small replies take few writes. */
  const flush = async (): Promise<void> => {
    const batch = pending;
    pending = [];
    if (batch.length === 0) return;
    try {
      own ??= await openOwn();
      await own.file.appendFile(batch.map(({ text }) => text).join(''));
    } catch (error) {
      // A part of a line may be in the file, and the next line must not continue it.
      await own?.file.close().catch(() => undefined);
      own = undefined;
      throw writeError(error, folder);
    }
    for (const { digest, text, tokens: spent } of batch) {
      index.add(digest, own.number * placesPerFile + own.stored.read);
      own.stored.read += Buffer.byteLength(text);
      tokens += spent;
    }
  };

  await refresh();
  return {
    tokens: () => tokens,
    // In line with the writes, so that no reply of this process is read as another's.
    refresh() {
      const mine = writing.then(refresh);
      writing = mine.catch(() => undefined);
      return mine;
    },
    find(digests) {
      const places = digests.map((digest) => index.get(digest));
      const found: (T | undefined)[] = digests.map(() => undefined);
      const numbers = new Set(
        places.flatMap((place) => (place === undefined ? [] : [Math.floor(place / placesPerFile)])),
      );
      for (const number of numbers) {
        const file = openStored(files[number]?.path ?? '');
        try {
          for (const [at, place] of places.entries()) {
            if (place === undefined || Math.floor(place / placesPerFile) !== number) continue;
            const stored = readLine(lineAt(file, place % placesPerFile));
            if (stored !== undefined && stored.digest === digests[at])
              found[at] = schema.safeParse(JSON.parse(stored.json)).data;
          }
        } finally {
          closeSync(file);
        }
      }
      return found;
    },
    add(replies) {
      for (const { digest, reply, tokens: spent } of replies)
        pending.push({ digest, text: writeLine(digest, spent, reply), tokens: spent });
      const mine = writing.then(flush);
      writing = mine.catch(() => undefined);
      return mine;
    },
    async close() {
      await writing;
      try {
        await own?.file.sync();
      } catch (error) {
        throw writeError(error, folder);
      } finally {
        await own?.file.close();
        own = undefined;
      }
    },
  };
}

/** Errors: FILE_UNREADABLE. */
function openStored(path: string): number {
  try {
    return openRegularSync(path);
  } catch (error) {
    throw readError(error, path);
  }
}

function writeLine(digest: string, tokens: number, reply: unknown): string {
  const json = JSON.stringify(reply);
  return `${digest} ${tokens} ${checksum(`${digest} ${tokens} ${json}`)} ${json}\n`;
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, '0');
}

/** The parts of a line; undefined if it is damaged. */
function readLine(text: string): { digest: string; tokens: number; json: string } | undefined {
  const [, digest = '', tokens = '', sum, json = ''] = line.exec(text) ?? [];
  return checksum(`${digest} ${tokens} ${json}`) === sum
    ? { digest, tokens: Number(tokens), json }
    : undefined;
}

/** The line that begins at a place. */
function lineAt(file: number, at: number): string {
  for (let bytes = 512; ; bytes *= 2) {
    const buffer = Buffer.allocUnsafe(bytes);
    const read = readSync(file, buffer, 0, bytes, at);
    const end = buffer.subarray(0, read).indexOf(10);
    if (end >= 0 || read < bytes) return buffer.toString('latin1', 0, Math.max(0, end));
  }
}

/** Passes the complete lines that a file got since, with their places, to `take`. */
async function readLines(stored: StoredFile, take: (text: string, at: number) => void): Promise<void> {
  const file = await ifThere(openRegular(stored.path)).catch((error: unknown) => {
    throw readError(error, stored.path);
  });
  if (file === undefined) return;
  try {
    let rest = Buffer.alloc(0);
    for (let at = stored.read; ;) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(pieceBytes), 0, pieceBytes, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      rest = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
      let from = 0;
      for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10, from)) {
        take(rest.toString('latin1', from, end), stored.read);
        stored.read += end + 1 - from;
        from = end + 1;
      }
      rest = rest.subarray(from);
    }
  } finally {
    await file.close();
  }
}
