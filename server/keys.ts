// API keys: long random strings, of which the server keeps only the SHA-256. Keys of kind "jobs" may also
// read.
//
// Keys fail closed. Without a keys file everybody is let in, but only on loopback, and only until the
// server has seen such a file. From then on, a file that is missing, empty, unreadable, damaged or open to
// other users lets nobody in.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { closeSync, constants, fstatSync, lstatSync, openSync, readSync } from 'node:fs';
import { mkdir, open, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { commitFile } from '../data/files/commit.ts';
import { type BetrError, fail, systemCode, writeError } from '../run/errors/errors.ts';
import { type Lease, takeLease } from '../data/files/lease.ts';
import { readHolder } from '../data/files/lease-holder.ts';
import { watchLeases } from '../data/files/lease-watch.ts';

export const keyKinds = ['read', 'jobs'] as const;
export type KeyKind = (typeof keyKinds)[number];

const entrySchema = z.strictObject({
  id: z.string(),
  kind: z.enum(keyKinds),
  madeAt: z.iso.datetime(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
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

const lookMs = 1000;
const createOne = 'Create a key with "betr serve --new-key read"';

/** The keys of a file, which is read again every second. */
export class Keys {
  readonly #path: string;
  #needed: boolean;
  #keys: { kind: KeyKind; sha256: Buffer }[] = [];
  #problem: Problem | undefined;
  #problems = 0;
  readonly #timer: NodeJS.Timeout;

  /**
   * `exposed` gives the reason why keys are required even without a keys file: others can reach the server at
   * that address, or the user named the file. Errors: KEYS_UNUSABLE; KEYS_NEEDED if others can reach the
   * server and there is no file.
   */
  constructor(path: string, exposed?: { host?: string }) {
    this.#path = path;
    this.#needed = exposed !== undefined;
    this.#read();
    if (exposed?.host !== undefined && this.#problem?.problem === 'it is missing')
      throw fail('KEYS_NEEDED', { host: exposed.host, keys: path });
    if (this.#problem !== undefined) throw fail('KEYS_UNUSABLE', { path, ...this.#problem });
    this.#timer = setInterval(() => this.#readAgain(), lookMs).unref();
  }

  /** Whether requests need a key. */
  needed(): boolean {
    return this.#needed;
  }

  /** Why the file lets nobody in; undefined if it is usable. */
  problem(): BetrError | undefined {
    return this.#problem && fail('KEYS_UNUSABLE', { path: basename(this.#path), ...this.#problem });
  }

  /** How many times the file became unusable. */
  problems(): number {
    return this.#problems;
  }

  /** Errors: KEY_MISSING, KEY_REFUSED. */
  check(authorization: string | undefined, kind: KeyKind): void {
    if (!this.#needed) return;
    const given = bearerKey(authorization);
    if (given === undefined) throw fail('KEY_MISSING', { kind });
    const hashed = hash(given);
    let found = false;
    // Always compares all keys, so that the time does not depend on a match.
    for (const key of this.#keys)
      if (timingSafeEqual(key.sha256, hashed) && (key.kind === kind || key.kind === 'jobs')) found = true;
    if (!found) throw fail('KEY_REFUSED', { kind });
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #read(): void {
    const { keys, problem } = readKeys(this.#path);
    this.#needed ||= keys !== undefined || problem !== undefined;
    this.#problem = problem;
    if (this.#needed && keys === undefined) this.#problem ??= { problem: 'it is missing', remedy: createOne };
    if (keys?.length === 0)
      this.#problem = {
        problem: 'it contains no key',
        remedy: `${createOne}; or remove the file and restart the server, to let in every program on this machine`,
      };
    this.#keys = (keys ?? []).map(({ kind, sha256 }) => ({ kind, sha256: Buffer.from(sha256, 'hex') }));
  }

  /** Reads the file, and reports when it becomes unusable or usable again. */
  #readAgain(): void {
    const before = this.#problem?.problem;
    this.#read();
    if (this.#problem?.problem === before) return;
    if (this.#problem !== undefined) this.#problems++;
    const path = this.#path;
    process.stderr.write(
      this.#problem === undefined
        ? `betr: the API keys in ${path} are usable again\n`
        : `betr: ${fail('KEYS_UNUSABLE', { path, ...this.#problem }).message} Until then, every request that needs a key is refused.\n`,
    );
  }
}

function bearerKey(authorization = ''): string | undefined {
  const [scheme = '', key, ...more] = authorization.trim().split(/ +/);
  return scheme.toLowerCase() === 'bearer' && more.length === 0 ? key : undefined;
}

function hash(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

interface Problem {
  problem: string;
  remedy: string;
}

/** The contents of a keys file; nothing if there is no file. */
function readKeys(path: string): { keys?: Entry[]; problem?: Problem } {
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
