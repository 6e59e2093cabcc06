// API keys: long random strings, of which the server keeps only the SHA-256. Keys of kind "jobs" may also read.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { z } from 'zod';
import { commitJson, readJson } from '../data/commit.ts';
import { fail, reasonOf } from '../data/errors.ts';

export const keyKinds = ['read', 'jobs'] as const;
export type KeyKind = (typeof keyKinds)[number];

const keysSchema = z.strictObject({ keys: z.array(z.strictObject({ id: z.string(), kind: z.enum(keyKinds), madeAt: z.iso.datetime(), sha256: z.string().regex(/^[0-9a-f]{64}$/) })) });
const newKeyCommand = 'betr serve --new-key read';

export interface Keys {
  /** Whether there are keys at all; without any, everybody may do everything (the server is then on loopback alone). */
  any(): boolean;
  /** Errors: KEY_MISSING, KEY_REFUSED. */
  check(authorization: string | undefined, kind: KeyKind): void;
}

/** Makes a key, adds it to the file (0600), and returns it: it cannot be read from the file again. Errors: FILE_DAMAGED, WRITE_FAILED. */
export async function makeKey(path: string, kind: KeyKind): Promise<{ id: string; key: string }> {
  const { keys } = (await readJson(path, keysSchema, newKeyCommand)) ?? { keys: [] };
  const key = `betr_${kind}_${randomBytes(32).toString('base64url')}`;
  const id = randomBytes(4).toString('hex');
  await commitJson(path, { keys: [...keys, { id, kind, madeAt: new Date().toISOString(), sha256: hash(key).toString('hex') }] });
  await chmod(path, 0o600);
  return { id, key };
}

const checkMs = 1000;

/** The keys of a file, which may not be there. A changed file counts within a second; one that cannot be read lets nobody in. Errors: FILE_DAMAGED. */
export function openKeys(path: string): Keys {
  let keys = readKeys(path);
  let version = versionOf(path);
  let checkedMs = performance.now();
  const refresh = (): void => {
    if (performance.now() - checkedMs < checkMs) return;
    checkedMs = performance.now();
    const now = versionOf(path);
    if (now === version) return;
    version = now;
    try {
      keys = readKeys(path);
    } catch {
      keys = [{ kind: 'read', sha256: Buffer.alloc(32) }];
    }
  };
  return {
    any() {
      refresh();
      return keys.length > 0;
    },
    check(authorization, kind) {
      refresh();
      if (keys.length === 0) return;
      const given = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
      if (given === undefined) throw fail('KEY_MISSING', { kind });
      const hashed = hash(given);
      let found = false;
      // Every key is looked at, whichever fits.
      for (const key of keys) if (timingSafeEqual(key.sha256, hashed) && (key.kind === kind || key.kind === 'jobs')) found = true;
      if (!found) throw fail('KEY_REFUSED', { kind });
    },
  };
}

function hash(key: string): Buffer {
  return createHash('sha256').update(key).digest();
}

function readKeys(path: string): { kind: KeyKind; sha256: Buffer }[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return [];
  }
  try {
    return keysSchema.parse(JSON.parse(text)).keys.map(({ kind, sha256 }) => ({ kind, sha256: Buffer.from(sha256, 'hex') }));
  } catch (error) {
    throw fail('FILE_DAMAGED', { path, reason: reasonOf(error), command: newKeyCommand }, error);
  }
}

function versionOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? '' : `${found.ino} ${found.mtimeMs} ${found.size}`;
}
