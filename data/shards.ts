// The files of a corpus (or of a benchmark): patterns in, a sorted list of shards out.

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

/** The format that a file's ending stands for (of an address, its path's). Errors: FILE_KIND_UNKNOWN. */
export function formatOf(path: string): ShardFormat {
  const ending = endingOf(path);
  if (ending === undefined || ending.kind === 'csv' || ending.kind === 'tsv')
    throw fail('FILE_KIND_UNKNOWN', { path });
  return ending.format;
}

/**
 * Whether files of the format are compressed as a whole, so that they can only be read from the beginning.
 */
export function isCompressed(format: ShardFormat): boolean {
  return format === 'jsonl.gz' || format === 'jsonl.zst';
}

/**
 * The files that match, each once whatever links lead to it, sorted by name. Relative patterns start from
 * `folder`; so do the names. Addresses (s3://, https://) are named as they are, those of web servers less
 * their query. Errors: FILE_NOT_FOUND for a plain path, and for a link that leads nowhere; FILE_UNREADABLE
 * for a folder that cannot be looked into, and for pipes, sockets and devices; NO_FILES for a pattern without
 * a match, FILE_KIND_UNKNOWN (also for a folder that is named like a file), OPTION_INVALID for addresses of
 * one name and for patterns of many wildcards; REMOTE_NOT_FOUND, REMOTE_DENIED, REMOTE_FAILED.
 */
export async function listShards(patterns: readonly string[], folder: string): Promise<Shard[]> {
  return (await listFiles(patterns, folder, formatOf)).map((file) => ({
    ...file,
    format: formatOf(file.path),
  }));
}

/**
 * The shards of a run's corpus. What the run itself has written is none of it, though a pattern may match it.
 * Errors: those of `listShards`; NO_FILES where nothing else matches.
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

/**
 * The same for files of any kinds that `check` does not refuse. Errors: as `listShards`, and those of
 * `check`.
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
  // Of links to one file the file itself counts, or the first.
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

/** To match a name takes time that is a power of how many there are. */
const mostWildcards = 5;

function checkPattern(pattern: string): void {
  const wildcards = pattern.split('/').map((part) => part.match(/\*+|[?+@!]\(/g)?.length ?? 0);
  if (wildcards.some((count) => count > mostWildcards))
    throw fail('OPTION_INVALID', {
      option: 'files',
      got: showPath(pattern).slice(0, 100),
      allowed: `a pattern with at most ${mostWildcards} wildcards between two slashes`,
    });
}

function order(a: ListedFile, b: ListedFile): number {
  return a.name < b.name ? -1 : a.name > b.name ? 1 : 0;
}

const namedTwice = 3;

/** What readers have to know of files that have several names: they may have meant different ones. */
export function describeTwice(files: readonly ListedFile[]): string[] {
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

/** A file, and what is the same for whatever links lead to it, of either kind. */
interface Found {
  file: ListedFile;
  identity: string;
  /** A symbolic one. */
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
 * What the hard links of a file have in common. Only those that have several are looked at so, as not every
 * file system numbers its files well; numbers of 64 bits are more than a double holds.
 */
async function hardLinkOf(path: string): Promise<string | undefined> {
  const { nlink, dev, ino } = await stat(path, { bigint: true });
  return nlink > 1n && ino !== 0n ? `${dev}:${ino}` : undefined;
}

async function expand(pattern: string, folder: string, check: Check): Promise<string[]> {
  const path = resolve(folder, pattern);
  const named = statSync(path, { throwIfNoEntry: false });
  if (named?.isDirectory() === true) throw fail('FILE_KIND_UNKNOWN', { path, isFolder: true });
  // A file whose name has brackets in it is a file, not a pattern.
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
 * What a glob passes over without a word would be taken for gone: folders that it cannot look into, links
 * that lead nowhere, and what is no file. Errors: FILE_UNREADABLE, FILE_NOT_FOUND, FILE_KIND_UNKNOWN.
 */
async function checkFolders(
  pattern: string,
  folder: string,
  files: readonly string[],
  check: Check,
): Promise<void> {
  const above: string[] = [];
  for (let path = posix.dirname(pattern); path !== posix.dirname(path); path = posix.dirname(path)) {
    // The folder itself is looked into anyway, and the library refuses it where a pattern names it.
    if (resolve(folder, path) !== resolve(folder)) above.push(path);
  }
  const matches = picomatch(posix.normalize(pattern));
  for (const found of await glob([...above, '.'], { cwd: folder, ...globOptions, onlyDirectories: true })) {
    // A file system's own, of which only root may see the inside.
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
 * Of what matches and is a link, or no file: a folder may match, but not where it is named like a file and
 * none in it is found.
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
 * The path of the shard that has this name; `patterns` are the settings', of which one may bring a query that
 * the name leaves out.
 */
export function pathOf(name: string, folder: string, patterns: readonly string[]): string {
  if (!isRemote(name)) return resolve(folder, name);
  for (const pattern of patterns) {
    const url = showPath(pattern) === pattern ? undefined : urlsByName(pattern).get(name);
    if (url !== undefined) return url;
  }
  return name;
}

/** By pattern, as there may be many names. */
const expanded = new Map<string, Map<string, string>>();

function urlsByName(pattern: string): Map<string, string> {
  const known = expanded.get(pattern);
  if (known !== undefined) return known;
  const urls = new Map(expandAddress(pattern).map((url) => [showPath(url), url]));
  expanded.set(pattern, urls);
  return urls;
}

/** Whether the shard is there and as it was. Errors: REMOTE_DENIED, REMOTE_FAILED. */
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
