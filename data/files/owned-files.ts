// Files and folders that one process owns in a shared folder. Their names identify the process, so that other
// processes can remove what a dead process left: on the same machine at once, on others if it was not touched
// for a day.

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

/** A name suffix that is unique and identifies this process. */
export function ownedName(): string {
  process8 ??= shortHash(identifyProcess(process.pid) ?? '');
  return `${placeName()}-${process.pid}-${process8}-${randomUUID()}`;
}

/**
 * Keeps a file or folder (named by `ownedName`): touches it regularly and removes it when the process exits.
 * Call the returned function to stop this.
 */
export function keepOwned(path: string): () => void {
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

/** Whether the owner of a file or folder is gone; false for names that are not from `ownedName`. */
export async function isAbandoned(path: string): Promise<boolean> {
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

/** Process ids are unique only within one machine or container. */
function placeName(): string {
  return shortHash(`${hostname()} ${readProcessSpace()}`);
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}
