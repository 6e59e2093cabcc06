// Files appear whole or not at all: written under a temporary name, synced, renamed, the folder synced.

import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { type z } from 'zod';
import { BetrError, fail, reasonOf, systemCode } from './errors.ts';
import { readPieces } from './files.ts';

/**
 * Writes `path` by way of a temporary file beside it, which `write` fills (it is given the temporary name).
 * On any error the temporary file is removed and `path` is as it was. Errors: DISK_FULL, WRITE_FAILED.
 */
export async function commitFile(path: string, write: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = join(dirname(path), `.${basename(path)}.${process.pid}.tmp`);
  try {
    await mkdir(dirname(path), { recursive: true });
    await rm(temporary, { force: true });
    await write(temporary);
    await sync(temporary);
    await rename(temporary, path);
    await sync(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw writeError(error, path);
  }
}

/** `commitFile` for a whole text or byte array. */
export async function commitBytes(path: string, bytes: string | Uint8Array): Promise<void> {
  await commitFile(path, async (temporary) => {
    const file = await open(temporary, 'w');
    try {
      await file.writeFile(bytes);
    } finally {
      await file.close();
    }
  });
}

/** `commitFile` for a value as indented JSON. */
export async function commitJson(path: string, value: unknown): Promise<void> {
  await commitBytes(path, `${JSON.stringify(value, null, 1)}\n`);
}

/** Reads a JSON file that the product wrote; undefined where it does not exist. `command` is what makes it anew. Errors: FILE_DAMAGED. */
export async function readJson<T>(path: string, schema: z.ZodType<T>, command: string): Promise<T | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw fail('FILE_UNREADABLE', { path, reason: reasonOf(error) }, error);
  }
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw fail('FILE_DAMAGED', { path, reason: reasonOf(error), command }, error);
  }
}

/** The catalogue's error for a failed write of `path`; errors that are in the catalogue already pass through. */
export function writeError(error: unknown, path: string): BetrError {
  if (error instanceof BetrError) return error;
  if (systemCode(error) === 'ENOSPC' || /no space left/i.test(reasonOf(error))) return fail('DISK_FULL', { path }, error);
  return fail('WRITE_FAILED', { path, reason: reasonOf(error) }, error);
}

/** SHA-256 of a file's bytes, as hex; of a file at an address, too. Errors: those of `readPieces`. */
export async function sha256File(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of readPieces(path)) hash.update(piece);
  return hash.digest('hex');
}

/** Makes what was written to a file or folder survive a crash of the machine. */
async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
