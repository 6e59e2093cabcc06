// The cache folder for downloaded files, shared by all runs of a user.

import { accessSync, constants, existsSync, lstatSync, mkdirSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fail, reasonOf } from '../../run/errors/errors.ts';

/**
 * An existing path in the cache (folders and a file name); undefined if it is in none of the cache folders. A
 * read-only cache is allowed.
 */
export function findInCache(...place: string[]): string | undefined {
  return listCacheFolders()
    .filter(({ isTemporary, path }) => existsSync(path) && (!isTemporary || isOwn(path)))
    .map(({ path }) => join(path, ...place))
    .find((path) => existsSync(path));
}

/**
 * The folder to store files in: BETR_CACHE, or betr/ in XDG_CACHE_HOME or ~/.cache, or, if these are not
 * writable, a temporary folder that only the user can write to. Errors: CACHE_UNUSABLE.
 */
export function openCache(): string {
  const problems: string[] = [];
  for (const { path, isTemporary } of listCacheFolders()) {
    try {
      // Anyone who can write here could replace the model.
      mkdirSync(path, { recursive: true, ...(isTemporary ? { mode: 0o700 } : {}) });
      if (isTemporary && !isOwn(path))
        throw new Error('it belongs to another user, or other users can write to it');
      accessSync(path, constants.W_OK | constants.X_OK);
      return path;
    } catch (error) {
      problems.push(`${path} (${reasonOf(error)})`);
    }
  }
  throw fail('CACHE_UNUSABLE', { problems });
}

/** The user's home folder; undefined if there is none, as for an unnamed user id in a container. */
export function findHome(): string | undefined {
  try {
    return homedir() || undefined;
  } catch {
    return undefined;
  }
}

/**
 * The possible cache folders in order of preference; other users can write to the parent of a temporary one.
 */
export function listCacheFolders(): { path: string; isTemporary: boolean }[] {
  const { BETR_CACHE, XDG_CACHE_HOME } = process.env;
  if (BETR_CACHE !== undefined && BETR_CACHE !== '')
    return [{ path: resolve(BETR_CACHE), isTemporary: false }];
  const home = findHome();
  const caches =
    XDG_CACHE_HOME !== undefined && XDG_CACHE_HOME !== ''
      ? XDG_CACHE_HOME
      : home === undefined
        ? undefined
        : join(home, '.cache');
  return [
    ...(caches === undefined ? [] : [{ path: join(caches, 'betr'), isTemporary: false }]),
    { path: join(tmpdir(), `betr-cache-${process.getuid?.() ?? 'user'}`), isTemporary: true },
  ];
}

/**
 * Whether it is a folder, not a link, that only this user can write to. Another user could have created a
 * folder of this name.
 */
function isOwn(path: string): boolean {
  const state = lstatSync(path);
  return (
    state.isDirectory() &&
    (process.getuid === undefined || (state.uid === process.getuid() && (state.mode & 0o022) === 0))
  );
}
