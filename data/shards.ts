// Lists the files of a corpus or a benchmark: patterns in, a sorted list of shards out.

import { existsSync, statSync } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { basename, isAbsolute, posix, relative, resolve, sep } from 'node:path';
import picomatch from 'picomatch';
import { glob, isDynamicPattern } from 'tinyglobby';
import type { ListedFile, Shard, ShardFormat } from './documents.ts';
import { BetrError, fail, reasonOf } from '../run/errors/errors.ts';
import { endingOf } from './files/endings.ts';
import { statFile } from './files/files.ts';
import { kindOf } from '../run/regular-file.ts';
import type { Run } from '../run/run.ts';
import { expandAddress } from './remote/addresses.ts';
import { isRemote, showPath } from '../run/address.ts';
import { openStore } from './remote/open.ts';

/**
 * The format of a file by its ending (for an address, by the ending of its path). Errors: FILE_KIND_UNKNOWN.
 */
export function formatOf(path: string): ShardFormat {
  const ending = endingOf(path);
  if (ending === undefined || ending.kind === 'csv' || ending.kind === 'tsv')
    throw fail('FILE_KIND_UNKNOWN', { path });
  return ending.format;
}

/** Whether files of the format are compressed, so that they can only be read from the start. */
export function isCompressed(format: ShardFormat): boolean {
  return format === 'jsonl.gz' || format === 'jsonl.zst';
}

/**
 * The matching files, sorted by name; a file with several links is listed once. Patterns and names are
 * relative to `folder`. The name of an address (s3://, https://) is the address, without the query of a web
 * address. Errors: FILE_NOT_FOUND for a path and for a broken link; FILE_UNREADABLE for a folder that cannot
 * be listed, and for pipes, sockets, and devices; NO_FILES for a pattern without a match; FILE_KIND_UNKNOWN,
 * also for a folder that is named like a file; OPTION_INVALID for addresses with the same name and for
 * patterns with many wildcards; REMOTE_NOT_FOUND, REMOTE_DENIED, REMOTE_FAILED.
 */
export async function listShards(patterns: readonly string[], folder: string): Promise<Shard[]> {
  return (await listFiles(patterns, folder, formatOf)).map((file) => ({
    ...file,
    format: formatOf(file.path),
  }));
}

/**
 * The shards of a run's corpus, without files in the run folder. Errors: those of `listShards`; NO_FILES if
 * nothing else matches.
 */
export async function listCorpus({
  settings,
  settingsFolder,
}: Pick<Run, 'settings' | 'settingsFolder'>): Promise<Shard[]> {
  const { files } = settings.corpus;
  const own = resolve(settingsFolder, settings.run) + sep;
  const shards = (await listShards(files, settingsFolder)).filter(({ path }) => !path.startsWith(own));
  if (shards.length === 0)
    throw fail('NO_FILES', {
      what: 'corpus.files outside the run folder',
      patterns: files.map(showPath).join(', '),
    });
  return shards;
}

/** The same for files of all kinds that `check` accepts. Errors: those of `listShards` and `check`. */
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

const namedTwice = 3;

/** A note about files with several names, in case different files were intended. */
export function describeDuplicates(files: readonly ListedFile[]): string[] {
  const twice = files.flatMap(({ name, otherNames = [] }) =>
    otherNames.length === 0
      ? []
      : [
          `${name} (also ${otherNames.slice(0, namedTwice).join(', ')}${otherNames.length > namedTwice ? ', …' : ''})`,
        ],
  );
  if (twice.length === 0) return [];
  const more =
    twice.length > namedTwice ? ` and ${(twice.length - namedTwice).toLocaleString('en')} more` : '';
  return [
    `${twice.length === 1 ? '1 file has' : `${twice.length.toLocaleString('en')} files have`} several ` +
      `names (links), and ${twice.length === 1 ? 'counts' : 'count'} ` +
      `once: ${twice.slice(0, namedTwice).join('; ')}${more}`,
  ];
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
  const named = statSync(path, { throwIfNoEntry: false });
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

/**
 * The path of the shard with this name. `patterns` come from the settings; one of them may have the query
 * that the name omits.
 */
export function pathOf(name: string, folder: string, patterns: readonly string[]): string {
  if (!isRemote(name)) return resolve(folder, name);
  for (const pattern of patterns) {
    const url = showPath(pattern) === pattern ? undefined : urlsByName(pattern).get(name);
    if (url !== undefined) return url;
  }
  return name;
}

/** Cached by pattern, because a pattern can have many names. */
const expanded = new Map<string, Map<string, string>>();

function urlsByName(pattern: string): Map<string, string> {
  const known = expanded.get(pattern);
  if (known !== undefined) return known;
  const urls = new Map(expandAddress(pattern).map((url) => [showPath(url), url]));
  expanded.set(pattern, urls);
  return urls;
}

/** Whether the shard exists and is unchanged. Errors: REMOTE_DENIED, REMOTE_FAILED. */
export async function isUnchanged({
  path,
  bytes,
  modifiedMs,
}: Pick<Shard, 'path' | 'bytes' | 'modifiedMs'>): Promise<boolean> {
  try {
    const now = await statFile(path);
    return now.bytes === bytes && now.modifiedMs === modifiedMs;
  } catch (error) {
    if (error instanceof BetrError && (error.code === 'REMOTE_DENIED' || error.code === 'REMOTE_FAILED'))
      throw error;
    return false;
  }
}

function nameOf(path: string, folder: string): string {
  const inside = relative(folder, path);
  return (inside.startsWith('..') || isAbsolute(inside) ? path : inside).split(sep).join('/');
}
