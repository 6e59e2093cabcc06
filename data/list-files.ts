// Lists the local and remote files that match patterns, each once.

import { existsSync, type Stats, statSync } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, isAbsolute, posix, relative, resolve, sep } from 'node:path';
import picomatch from 'picomatch';
import { glob, isDynamicPattern } from 'tinyglobby';
import { isRemote, showPath } from '../run/address.ts';
import { fail, readError, reasonOf, systemCode } from '../run/errors/errors.ts';
import { kindOf } from '../run/regular-file.ts';
import type { ListedFile } from './documents.ts';
import { statFile } from './files/files.ts';
import { openStore } from './remote/open.ts';

/**
 * The matching files that `check` accepts, sorted by name; a file with several links is listed once. Patterns
 * and names are relative to `folder`. The name of an address (s3://, https://) is the address, without the
 * query of a web address. Errors: FILE_NOT_FOUND for a path and for a broken link; FILE_UNREADABLE for a
 * folder that cannot be listed, and for pipes, sockets, and devices; NO_FILES for a pattern without a match;
 * FILE_KIND_UNKNOWN for a folder that is named like a file; OPTION_INVALID for addresses with the same name
 * and for patterns with many wildcards; REMOTE_NOT_FOUND, REMOTE_DENIED, REMOTE_FAILED; those of `check`.
 */
export async function listFiles(
  patterns: readonly string[],
  folder: string,
  check: Check,
): Promise<ListedFile[]> {
  for (const pattern of patterns) checkPattern(pattern);
  const found = (
    await Promise.all(
      patterns.map((pattern) =>
        isRemote(pattern) ? listRemote(pattern) : listLocal(pattern, folder, check),
      ),
    )
  ).flat();
  for (const { file } of found) check(file.path);
  // Of several links to a file, the file itself is listed, or else the first link.
  found.sort((a, b) => Number(a.isLink) - Number(b.isLink) || order(a.file, b.file));
  const byIdentity = new Map<string, ListedFile>();
  for (const { file, identity } of found) {
    const same = byIdentity.get(identity);
    if (same === undefined) byIdentity.set(identity, file);
    else if (same.name !== file.name && same.otherNames?.includes(file.name) !== true)
      (same.otherNames ??= []).push(file.name);
  }
  const files = [...byIdentity.values()].sort(order);
  const twice = files.find(({ name }, i) => name === files[i + 1]?.name);
  if (twice !== undefined)
    throw fail('OPTION_INVALID', {
      option: 'files',
      got: twice.name,
      allowed: 'addresses that differ in more than their query, which is not part of a shard name',
    });
  return files;
}

/** Matching takes time exponential in the number of wildcards. */
const maxWildcards = 5;

function checkPattern(pattern: string): void {
  const wildcards = pattern.split('/').map((part) => part.match(/\*+|[?+@!]\(/g)?.length ?? 0);
  if (wildcards.some((count) => count > maxWildcards))
    throw fail('OPTION_INVALID', {
      option: 'files',
      got: showPath(pattern).slice(0, 100),
      allowed: `a pattern with at most ${maxWildcards} wildcards between two slashes`,
    });
}

function order(a: ListedFile, b: ListedFile): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

/** A file and its identity, which all its hard and symbolic links share. */
interface Found {
  file: ListedFile;
  identity: string;
  /** Whether it is a symbolic link. */
  isLink: boolean;
}

async function listRemote(pattern: string): Promise<Found[]> {
  const files = await (await openStore(pattern)).list(pattern);
  if (files.length === 0) throw fail('NO_FILES', { what: 'the pattern', patterns: showPath(pattern) });
  return files.map(({ url, bytes, modifiedMs }) => ({
    identity: url,
    isLink: false,
    file: { name: showPath(url), path: url, bytes, modifiedMs },
  }));
}

type Check = (path: string) => unknown;

async function listLocal(pattern: string, folder: string, check: Check): Promise<Found[]> {
  return Promise.all(
    (await expand(pattern, folder, check)).map(async (path) => {
      const state = await statFile(path);
      const real = await realpath(path);
      return {
        file: { name: nameOf(path, folder), path, ...state },
        identity: (await hardLinkOf(real)) ?? real,
        isLink: real !== path,
      };
    }),
  );
}

/**
 * The identity that the hard links of a file share. Only files with several links need it, because inode
 * numbers are not reliable on every file system. Numbers of 64 bits do not fit in a double.
 */
async function hardLinkOf(path: string): Promise<string | undefined> {
  const { nlink, dev, ino } = await stat(path, { bigint: true });
  return nlink > 1n && ino !== 0n ? `${dev}:${ino}` : undefined;
}

async function expand(pattern: string, folder: string, check: Check): Promise<string[]> {
  const path = resolve(folder, pattern);
  const named = statNamed(path, pattern);
  if (named?.isDirectory() === true) throw fail('FILE_KIND_UNKNOWN', { path, isFolder: true });
  // An existing file is not a pattern, even if its name has brackets.
  if (named !== undefined) return [path];
  if (!isDynamicPattern(pattern)) throw fail('FILE_NOT_FOUND', { path, what: 'The file' });
  const found = (await glob([pattern], { cwd: folder, ...globOptions })).map((one) => resolve(one));
  await checkFolders(pattern, folder, found, check);
  if (found.length === 0) throw fail('NO_FILES', { what: 'the pattern', patterns: pattern });
  const garbled = found.find((one) => one.includes('\ufffd') && !existsSync(one));
  if (garbled !== undefined)
    throw fail('FILE_UNREADABLE', { path: garbled, reason: 'its name is not UTF-8' });
  return found;
}

/** Errors: FILE_UNREADABLE. */
function statNamed(path: string, pattern: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    // A pattern may be longer than a name can be.
    if (systemCode(error) === 'ENAMETOOLONG' && isDynamicPattern(pattern)) return undefined;
    throw readError(error, path);
  }
}

const globOptions = { absolute: true, expandDirectories: false };

/**
 * Reports what a glob silently skips and would appear to be missing: unreadable folders, broken links, and
 * special files. Errors: FILE_UNREADABLE, FILE_NOT_FOUND, FILE_KIND_UNKNOWN.
 */
async function checkFolders(
  pattern: string,
  folder: string,
  files: readonly string[],
  check: Check,
): Promise<void> {
  const above: string[] = [];
  for (let path = posix.dirname(pattern); path !== posix.dirname(path); path = posix.dirname(path)) {
    // The folder itself is always listed, and the library rejects it in a pattern.
    if (resolve(folder, path) !== resolve(folder)) above.push(path);
  }
  const matches = picomatch(posix.normalize(pattern));
  for (const found of await glob([...above, '.'], { cwd: folder, ...globOptions, onlyDirectories: true })) {
    // A folder of the file system that only root can list.
    if (basename(found) === 'lost+found') continue;
    const entries = await readdir(found, { withFileTypes: true }).catch((error: unknown) => {
      throw fail('FILE_UNREADABLE', { path: resolve(found), reason: reasonOf(error) }, error);
    });
    for (const { name } of entries.filter((entry) => !entry.isFile())) {
      const path = resolve(found, name);
      if (matches(isAbsolute(pattern) ? path : relative(folder, path))) await checkNoFile(path, files, check);
    }
  }
}

/**
 * Checks a match that is a link or not a file. A folder may match, unless it is named like a file and no file
 * in it matches.
 */
async function checkNoFile(path: string, files: readonly string[], check: Check): Promise<void> {
  const isFolder = await stat(path).then(
    (found) => kindOf(found) === 'folder',
    () => false,
  );
  if (!isFolder) await statFile(path);
  else if (isOfKnownKind(path, check) && !files.some((file) => file.startsWith(path + sep)))
    throw fail('FILE_KIND_UNKNOWN', { path, isFolder: true });
}

function isOfKnownKind(path: string, check: Check): boolean {
  try {
    check(path);
    return true;
  } catch {
    return false;
  }
}

function nameOf(path: string, folder: string): string {
  const inside = relative(folder, path);
  return (inside.startsWith('..') || isAbsolute(inside) ? path : inside).split(sep).join('/');
}
