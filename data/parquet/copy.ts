// Copies some column chunks of a Parquet file to the same offsets in a sparse file. This fetches the needed
// parts of a remote file, and it allows another footer, so that DuckDB can read columns with names and
// strings that it would not accept.

import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { makeTemporaryFolder } from '../files/commit.ts';
import { readBetween } from '../files/files.ts';
import type { FileRange } from '../remote/store.ts';
import { writeError } from '../../run/errors/errors.ts';

/** Ranges that are closer than this are fetched together, because a request costs about as much. */
const gapBytes = 1 << 18;

export interface ByteSpan {
  start: number;
  end: number;
}

export interface ParquetCopy {
  path: string;
  /** Copies more of the file. Errors: those of `readBetween`, DISK_FULL, WRITE_FAILED. */
  fetch(spans: readonly ByteSpan[]): Promise<void>;
  close(): Promise<void>;
}

/**
 * Creates an empty copy, with an optional footer after the file's `bytes`. Errors: DISK_FULL, WRITE_FAILED.
 */
export async function openCopy(path: string, bytes: number, footer?: Uint8Array): Promise<ParquetCopy> {
  const folder = await makeTemporaryFolder('spool');
  const copy = join(folder, 'shard.parquet');
  const close = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    await writeInto(copy, async (file) => {
      await file.truncate(bytes);
      if (footer === undefined) return;
      const length = Buffer.alloc(4);
      length.writeUInt32LE(footer.length);
      await file.write(Buffer.concat([footer, length, magic]), 0, footer.length + 8, bytes);
      // Readers check the magic bytes at both ends.
      await file.write(magic, 0, 4, 0);
    });
  } catch (error) {
    await close();
    throw error;
  }
  const fetch = async (spans: readonly ByteSpan[]): Promise<void> => {
    await writeInto(copy, async (file) => {
      for (const { start, end } of mergeSpans(spans))
        await copySpan(path, { start, end, fileBytes: bytes }, file);
    });
  };
  return { path: copy, fetch, close };
}

const magic = Buffer.from('PAR1');

async function writeInto(path: string, write: (file: FileHandle) => Promise<void>): Promise<void> {
  try {
    const file = await open(path, 'a').then(async (made) => {
      await made.close();
      return open(path, 'r+');
    });
    try {
      await write(file);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw writeError(error, path);
  }
}

async function copySpan(path: string, range: FileRange, file: FileHandle): Promise<void> {
  let at = range.start;
  for await (const piece of readBetween(path, range)) {
    await file.write(piece, 0, piece.length, at);
    at += piece.length;
  }
}

function mergeSpans(spans: readonly ByteSpan[]): ByteSpan[] {
  const merged: ByteSpan[] = [];
  for (const { start, end } of spans.toSorted((a, b) => a.start - b.start)) {
    const last = merged.at(-1);
    if (last !== undefined && start - last.end <= gapBytes) last.end = Math.max(last.end, end);
    else merged.push({ start, end });
  }
  return merged;
}
