// Where files that are fetched once are kept, for all runs of a user.

import { accessSync, constants, existsSync, lstatSync, mkdirSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fail, reasonOf } from '../../run/errors/errors.ts';

/**
 * A place in the cache (folders and a file's name) that is there; undefined where it is in none of the
 * folders. A cache that others filled may be read-only.
 */
export function findInCache(...place: string[]): string | undefined {
  return listCacheFolders()
    .filter(({ isTemporary, path }) => existsSync(path) && (!isTemporary || isOwn(path)))
    .map(({ path }) => join(path, ...place))
    .find((path) => existsSync(path));
}

/**
 * The folder to keep files in: BETR_CACHE; else betr/ in XDG_CACHE_HOME or in ~/.cache, or a folder of the
 * user's own among the temporary files where neither can be written. Errors: CACHE_UNUSABLE.
 */
export function openCache(): string {
  const problems: string[] = [];
  for (const { path, isTemporary } of listCacheFolders()) {
    try {
      // Whoever could put files there could put another model there.
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

/** The user's home; undefined where there is none, as for a user id without a name in a container. */
export function findHome(): string | undefined {
  try {
    return homedir() || undefined;
  } catch {
    return undefined;
  }
}

/**
 * The folders that the cache may be in, the first choice first; those that are temporary lie where others can
 * write.
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
 * Whether it is a folder, and no link to one, that this user alone may write to. Anybody can make one of that
 * name among the temporary files first.
 */
function isOwn(path: string): boolean {
  const state = lstatSync(path);
  return (
    state.isDirectory() &&
    (process.getuid === undefined || (state.uid === process.getuid() && (state.mode & 0o022) === 0))
  );
}
