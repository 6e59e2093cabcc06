// The files of a corpus (or of a benchmark): patterns in, a sorted list of shards out.

import { existsSync } from 'node:fs';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { glob, isDynamicPattern } from 'tinyglobby';
import type { Shard, ShardFormat } from './documents.ts';
import { BetrError, fail } from './errors.ts';
import { statFile } from './files.ts';
import { isRemote, openStore, showPath } from './remote/store.ts';

const endings: readonly [RegExp, ShardFormat][] = [
  [/\.(jsonl|ndjson|json)$/i, 'jsonl'],
  [/\.(jsonl|ndjson|json)\.gz$/i, 'jsonl.gz'],
  [/\.(jsonl|ndjson|json)\.zstd?$/i, 'jsonl.zst'],
  [/\.parquet$/i, 'parquet'],
];

/** The format that a file's ending stands for (of an address, its path's). Errors: FILE_KIND_UNKNOWN. */
export function formatOf(path: string): ShardFormat {
  const found = endings.find(([ending]) => ending.test(showPath(path)));
  if (found === undefined) throw fail('FILE_KIND_UNKNOWN', { path });
  return found[1];
}

/** Whether files of the format are compressed as a whole, so that they can only be read from the beginning. */
export function isCompressed(format: ShardFormat): boolean {
  return format === 'jsonl.gz' || format === 'jsonl.zst';
}

/**
 * The files that match, each once, sorted by name. Relative patterns start from `folder`; so do the names. Addresses (s3://, https://) are named as they are, less their query.
 * Errors: FILE_NOT_FOUND for a plain path, NO_FILES for a pattern without a match, FILE_KIND_UNKNOWN; REMOTE_NOT_FOUND, REMOTE_DENIED, REMOTE_FAILED.
 */
export async function listShards(patterns: readonly string[], folder: string): Promise<Shard[]> {
  const found = await Promise.all(patterns.map((pattern) => (isRemote(pattern) ? listRemote(pattern) : listLocal(pattern, folder))));
  const shards = new Map(found.flat().map((shard) => [shard.path, shard]));
  return [...shards.values()].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

async function listRemote(pattern: string): Promise<Shard[]> {
  const files = await (await openStore(pattern)).list(pattern);
  if (files.length === 0) throw fail('NO_FILES', { what: 'the pattern', patterns: showPath(pattern) });
  return files.map(({ url, bytes, modifiedMs }) => ({ name: showPath(url), path: url, format: formatOf(url), bytes, modifiedMs }));
}

async function listLocal(pattern: string, folder: string): Promise<Shard[]> {
  return Promise.all((await expand(pattern, folder)).map(async (path) => ({ name: nameOf(path, folder), path, format: formatOf(path), ...(await statFile(path)) })));
}

async function expand(pattern: string, folder: string): Promise<string[]> {
  // A file whose name has brackets in it is a file, not a pattern.
  if (existsSync(resolve(folder, pattern))) return [resolve(folder, pattern)];
  if (!isDynamicPattern(pattern)) throw fail('FILE_NOT_FOUND', { path: resolve(folder, pattern), what: 'The file' });
  const found = await glob([pattern], { cwd: folder, absolute: true, onlyFiles: true, expandDirectories: false });
  if (found.length === 0) throw fail('NO_FILES', { what: 'the pattern', patterns: pattern });
  return found.map((path) => resolve(path));
}

/** The path of the shard that has this name; `patterns` are the settings', of which one may bring a query that the name leaves out. */
export function pathOf(name: string, folder: string, patterns: readonly string[]): string {
  if (!isRemote(name)) return resolve(folder, name);
  return patterns.find((pattern) => isRemote(pattern) && showPath(pattern) === name) ?? name;
}

/** Whether the shard is there and as it was. Errors: REMOTE_DENIED, REMOTE_FAILED. */
export async function isUnchanged({ path, bytes, modifiedMs }: Pick<Shard, 'path' | 'bytes' | 'modifiedMs'>): Promise<boolean> {
  try {
    const now = await statFile(path);
    return now.bytes === bytes && now.modifiedMs === modifiedMs;
  } catch (error) {
    if (error instanceof BetrError && (error.code === 'REMOTE_DENIED' || error.code === 'REMOTE_FAILED')) throw error;
    return false;
  }
}

function nameOf(path: string, folder: string): string {
  const inside = relative(folder, path);
  return (inside.startsWith('..') || isAbsolute(inside) ? path : inside).split(sep).join('/');
}
