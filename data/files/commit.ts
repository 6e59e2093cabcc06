// Writes files atomically: under a temporary name, synced, renamed, and the folder synced.

import { createHash, randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, open, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { z } from 'zod';
import { BetrError, fail, reasonOf, systemCode, writeError } from '../../run/errors/errors.ts';
import { readRegular } from '../../run/regular-file.ts';
import { parseOwnFile } from '../../run/issues.ts';

// Processes on several machines may write the same file and have the same process id.
const own = `${randomBytes(4).toString('hex')}.${process.pid}`;

/** The temporary name, beside `path`, under which this process writes it. */
export function temporaryName(path: string): string {
  return join(dirname(path), `.${basename(path)}.${own}.tmp`);
}

/** Whether a file's name is one that betr gives to a file while it writes it, here or in lease.ts. */
export function isTemporaryName(name: string): boolean {
  return /^\..+\.(?:[0-9a-f]{8}\.\d+|[0-9a-f]{16})\.tmp$/s.test(name);
}

/**
 * Writes `path` atomically: `write` fills a temporary file beside it, whose name it receives. On any error
 * the temporary file is removed and `path` is unchanged. Errors: DISK_FULL, WRITE_FAILED.
 */
export async function commitFile(path: string, write: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = temporaryName(path);
  try {
    await mkdir(dirname(path), { recursive: true });
    await rm(temporary, { force: true });
    await write(temporary);
    await syncPath(temporary);
    await rename(temporary, path);
    await syncPath(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw writeError(error, path);
  }
}

/** `commitFile` for a string or byte array. */
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

/**
 * `commitFile` for a value as JSON, indented, or on one line if `indent` is 0. Returns the file's SHA-256 as
 * hex.
 */
export async function commitJson(path: string, value: unknown, indent = 1): Promise<string> {
  const text = `${JSON.stringify(value, null, indent)}\n`;
  await commitBytes(path, text);
  return createHash('sha256').update(text).digest('hex');
}

/** `commitJson` with a checksum of the content as the last key, so that any changed byte is detected. */
export async function commitSealedJson(path: string, value: object): Promise<void> {
  await commitBytes(path, sealedText(value));
}

function sealedText(value: object): string {
  const sha256 = createHash('sha256').update(JSON.stringify(value)).digest('hex');
  return `${JSON.stringify({ ...value, sha256 }, null, 1)}\n`;
}

/**
 * Reads a file that `commitSealedJson` wrote; undefined if it does not exist. Errors: FILE_DAMAGED,
 * FILE_UNREADABLE.
 */
export async function readSealedJson<T>(
  path: string,
  schema: z.ZodType<T>,
  command: string,
): Promise<T | undefined> {
  const text = await readText(path);
  if (text === undefined) return undefined;
  try {
    const { sha256, ...value } = sealed.parse(JSON.parse(text));
    if (sha256 === undefined || sealedText(value) !== text)
      throw new Error('its checksum does not match its content');
    return valueOf(value, schema);
  } catch (error) {
    throw fail('FILE_DAMAGED', { path, reason: reasonOf(error), command }, error);
  }
}

const sealed = z.record(z.string(), z.unknown());

/**
 * Reads a JSON file that betr wrote; undefined if it does not exist. `command` is the command that writes it
 * again. Errors: FILE_DAMAGED.
 */
export async function readJson<T>(
  path: string,
  schema: z.ZodType<T>,
  command: string,
): Promise<T | undefined> {
  const text = await readText(path);
  if (text === undefined) return undefined;
  try {
    return valueOf(JSON.parse(text), schema);
  } catch (error) {
    throw fail('FILE_DAMAGED', { path, reason: reasonOf(error), command }, error);
  }
}

function valueOf<T>(value: unknown, schema: z.ZodType<T>): T {
  const own = parseOwnFile(value, schema);
  if ('problem' in own) throw new Error(own.problem);
  return own.value;
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readRegular(path, 'utf8');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw fail('FILE_UNREADABLE', { path, reason: reasonOf(error) }, error);
  }
}

/** Creates a temporary folder. Errors: WRITE_FAILED, DISK_FULL. */
export async function makeTemporaryFolder(use: string): Promise<string> {
  try {
    return await mkdtemp(join(tmpdir(), `betr-${use}-`));
  } catch (error) {
    throw writeError(error, `${tmpdir()} (for temporary files; set TMPDIR to use another folder)`);
  }
}

/** Writes a cache that nothing depends on; ignores that it cannot be written. */
export async function saveIfPossible(write: Promise<unknown>): Promise<void> {
  await write.catch((error: unknown) => {
    if (!(error instanceof BetrError && ['WRITE_FAILED', 'DISK_FULL'].includes(error.code))) throw error;
  });
}

/** Makes a file's or folder's changes survive a system crash. */
export async function syncPath(path: string): Promise<void> {
  // eslint-disable-next-line no-restricted-syntax -- of what this process has just written, and of folders
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
