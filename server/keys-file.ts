// The file of the API keys: long random strings, of which it keeps only the SHA-256. No other user can read it.

import { createHash, randomBytes } from 'node:crypto';
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs';
import { mkdir, open, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { sha256 } from '../run/schemas.ts';
import { commitFile } from '../data/files/commit.ts';
import { fail, systemCode, writeError } from '../run/errors/errors.ts';
import { type Lease, takeLease } from '../data/files/lease.ts';
import { readHolder } from '../data/files/lease-holder.ts';
import { watchLeases } from '../data/files/lease-watch.ts';

export const keyKinds = ['read', 'jobs'] as const;
export type KeyKind = (typeof keyKinds)[number];

const entrySchema = z.strictObject({
  id: z.string(),
  kind: z.enum(keyKinds),
  madeAt: z.iso.datetime(),
  sha256,
});
type Entry = z.output<typeof entrySchema>;
const keysSchema = z.strictObject({ keys: z.array(entrySchema) });
const mostBytes = 1 << 20;
/** All permissions of group and others. */
const openToOthers = 0o077;
const isWindows = process.platform === 'win32';

/**
 * Creates a key, adds its hash to the file, and returns the key, which cannot be recovered later. Only the
 * file's owner can read it, and the owner stays the same. Errors: KEYS_UNUSABLE, WRITE_FAILED, DISK_FULL.
 */
export async function makeKey(path: string, kind: KeyKind): Promise<{ id: string; key: string }> {
  const lock = await takeKeysLock(path);
  try {
    const { keys = [], problem } = readKeys(path);
    if (problem !== undefined) throw fail('KEYS_UNUSABLE', { path, ...problem });
    const key = `betr_${kind}_${randomBytes(32).toString('base64url')}`;
    const id = randomBytes(4).toString('hex');
    await writeKeys(path, [
      ...keys,
      { id, kind, madeAt: new Date().toISOString(), sha256: hash(key).toString('hex') },
    ]);
    return { id, key };
  } finally {
    await lock.release();
  }
}

const lockBeatMs = 1000;
const lockLostMs = 10_000;
const lockWithinMs = 20_000;

/** Without the lock, two concurrent commands would each overwrite the other's new key. */
async function takeKeysLock(path: string): Promise<Lease> {
  const lockPath = `${path}.lock`;
  const watch = watchLeases(lockLostMs);
  try {
    await mkdir(dirname(path), { recursive: true });
  } catch (error) {
    throw writeError(error, path);
  }
  for (const startedMs = performance.now(); ;) {
    const lock = await takeLease(lockPath, lockBeatMs);
    if (lock !== undefined) return lock;
    if (await watch.isFree(lockPath)) continue;
    if (performance.now() - startedMs > lockWithinMs) {
      const { pid = '?', host = 'another machine' } = (await readHolder(lockPath)) ?? {};
      throw fail('KEYS_UNUSABLE', {
        path,
        problem: `process ${pid} on ${host} is creating a key`,
        remedy: `Wait for it to end. If that process is gone, remove ${lockPath}`,
      });
    }
    await setTimeout(20);
  }
}

/**
 * The file is never readable by others, not even briefly; if root adds a key, the file stays with the user
 * whose server reads it.
 */
async function writeKeys(path: string, keys: Entry[]): Promise<void> {
  const isRoot = process.getuid?.() === 0;
  const before = await stat(path).catch(() => undefined);
  if (before !== undefined && !isRoot && process.getuid !== undefined && before.uid !== process.getuid()) {
    throw fail('KEYS_UNUSABLE', {
      path,
      problem: `it belongs to another user (${before.uid})`,
      remedy: 'Create the key as that user',
    });
  }
  const owner = before ?? (await stat(dirname(path)));
  await commitFile(path, async (temporary) => {
    const file = await open(temporary, 'wx', 0o600);
    try {
      await file.writeFile(`${JSON.stringify({ keys }, null, 1)}\n`);
      await file.chmod(0o600);
      if (isRoot) await file.chown(owner.uid, owner.gid);
    } finally {
      await file.close();
    }
  });
}

/** The SHA-256 of a key. */
export function hash(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

/** Why a keys file cannot be used, and what to do. */
export interface Problem {
  problem: string;
  remedy: string;
}

/** The contents of a keys file; nothing if there is no file. */
export function readKeys(path: string): { keys?: Entry[]; problem?: Problem } {
  const unusable = (problem: string, remedy: string): { problem: Problem } => ({
    problem: { problem, remedy },
  });
  let file: number | undefined;
  try {
    // Opening a pipe would block until somebody writes to it.
    file = openSync(path, constants.O_RDONLY | (isWindows ? 0 : constants.O_NONBLOCK));
    const { mode, size } = fstatSync(file);
    if ((mode & constants.S_IFMT) !== constants.S_IFREG)
      return unusable('it is not a regular file', 'Name a keys file with --keys');
    if (!isWindows && (mode & openToOthers) !== 0)
      return unusable(
        `other users have access to it (mode ${(mode & 0o777).toString(8)})`,
        'Run chmod 600 on it, and create new keys if another user could have changed it',
      );
    if (size > mostBytes)
      return unusable(`it has ${size} bytes; the limit is ${mostBytes}`, 'Name a keys file with --keys');
    const bytes = Buffer.alloc(size);
    return {
      keys: keysSchema.parse(JSON.parse(bytes.toString('utf8', 0, readSync(file, bytes, 0, size, 0)))).keys,
    };
  } catch (error) {
    // A dangling link counts as a file that was moved away.
    if (
      file === undefined &&
      systemCode(error) === 'ENOENT' &&
      lstatSync(path, { throwIfNoEntry: false }) === undefined
    )
      return {};
    if (systemCode(error) !== '')
      return unusable(`it cannot be read (${systemCode(error)})`, "Give the server's user read access");
    return unusable(
      'it is damaged',
      `Restore it, or remove it and create new keys with "betr serve --new-key read"`,
    );
  } finally {
    if (file !== undefined) closeSync(file);
  }
}
