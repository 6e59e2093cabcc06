// Files and folders of one process in a folder that several share. They are named after it, so that others
// can tell that it is gone and clear away what it left: on the same machine at once, elsewhere when nothing
// of it has shown a sign of life for a day.

import { createHash, randomUUID } from 'node:crypto';
import { rmSync } from 'node:fs';
import { stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename } from 'node:path';
import { identifyProcess, readProcessSpace } from './process.ts';

const touchMs = 3_600_000;
const goneMs = 24 * touchMs;
const owned = new Set<string>();
let touching: NodeJS.Timeout | undefined;
let process8: string | undefined;

/** A name that is this process's own, and no other's: the end of a file's name. */
export function nameOwn(): string {
  process8 ??= shortHash(identifyProcess(process.pid) ?? '');
  return `${placeName()}-${process.pid}-${process8}-${randomUUID()}`;
}

/**
 * Shows now and then that the owner of a file or folder (named by `nameOwn`) lives, and removes it when the
 * process exits, unless what it returns is called before.
 */
export function keepOwn(path: string): () => void {
  if (owned.size === 0 && touching === undefined) process.once('exit', removeOwned);
  owned.add(path);
  touching ??= setInterval(touchOwned, touchMs).unref();
  return () => void owned.delete(path);
}

function removeOwned(): void {
  for (const path of owned) rmSync(path, { recursive: true, force: true });
}

function touchOwned(): void {
  const now = new Date();
  for (const path of owned) utimes(path, now, now).catch(() => undefined);
}

/**
 * Whether the process that a file or folder is named after is gone; never of what is not named by `nameOwn`.
 */
export async function isLeftBehind(path: string): Promise<boolean> {
  const [, place, pid = '', start] =
    /([0-9a-f]{8})-(\d{1,10})-([0-9a-f]{8})-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(
      basename(path),
    ) ?? [];
  if (place === undefined) return false;
  if (place !== placeName())
    return (
      Date.now() -
        (await stat(path).then(
          ({ mtimeMs }) => mtimeMs,
          () => Infinity,
        )) >
      goneMs
    );
  const now = identifyProcess(Number(pid));
  return now === undefined || (shortHash(now) !== start && now !== `${pid} `);
}

/** Process ids mean something only on one machine, and in one container of it. */
function placeName(): string {
  return shortHash(`${hostname()} ${readProcessSpace()}`);
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}
