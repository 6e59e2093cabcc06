// The files of a corpus (or of a benchmark): patterns in, a sorted list of shards out.

import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { glob, isDynamicPattern } from 'tinyglobby';
import type { Shard, ShardFormat } from './documents.ts';
import { fail, reasonOf, systemCode } from './errors.ts';

const endings: readonly [RegExp, ShardFormat][] = [
  [/\.(jsonl|ndjson|json)$/i, 'jsonl'],
  [/\.(jsonl|ndjson|json)\.gz$/i, 'jsonl.gz'],
  [/\.(jsonl|ndjson|json)\.zstd?$/i, 'jsonl.zst'],
  [/\.parquet$/i, 'parquet'],
];

/** The format that a file's ending stands for. Errors: FILE_KIND_UNKNOWN. */
export function formatOf(path: string): ShardFormat {
  const found = endings.find(([ending]) => ending.test(path));
  if (found === undefined) throw fail('FILE_KIND_UNKNOWN', { path });
  return found[1];
}

/**
 * The files that match, each once, sorted by name. Relative patterns start from `folder`; so do the names.
 * Errors: FILE_NOT_FOUND for a plain path, NO_FILES for a pattern without a match, FILE_KIND_UNKNOWN.
 */
export async function listShards(patterns: readonly string[], folder: string): Promise<Shard[]> {
  const paths = new Set((await Promise.all(patterns.map((pattern) => expand(pattern, folder)))).flat());
  const shards = await Promise.all([...paths].map((path) => describeShard(path, folder)));
  return shards.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

async function expand(pattern: string, folder: string): Promise<string[]> {
  // A file whose name has brackets in it is a file, not a pattern.
  if (existsSync(resolve(folder, pattern))) return [resolve(folder, pattern)];
  if (!isDynamicPattern(pattern)) throw fail('FILE_NOT_FOUND', { path: resolve(folder, pattern), what: 'The file' });
  const found = await glob([pattern], { cwd: folder, absolute: true, onlyFiles: true, expandDirectories: false });
  if (found.length === 0) throw fail('NO_FILES', { what: 'the pattern', patterns: pattern });
  return found.map((path) => resolve(path));
}

/** The path of the shard that has this name. */
export function pathOf(name: string, folder: string): string {
  return resolve(folder, name);
}

/** Whether the shard is there and as it was. */
export async function isUnchanged({ path, bytes, modifiedMs }: Pick<Shard, 'path' | 'bytes' | 'modifiedMs'>): Promise<boolean> {
  try {
    const { size, mtimeMs } = await stat(path);
    return size === bytes && mtimeMs === modifiedMs;
  } catch {
    return false;
  }
}

async function describeShard(path: string, folder: string): Promise<Shard> {
  const { size, mtimeMs } = await stat(path).catch((error: unknown) => {
    throw systemCode(error) === 'ENOENT' ? fail('FILE_NOT_FOUND', { path, what: 'The file' }, error) : fail('FILE_UNREADABLE', { path, reason: reasonOf(error) }, error);
  });
  return { name: nameOf(path, folder), path, format: formatOf(path), bytes: size, modifiedMs: mtimeMs };
}

function nameOf(path: string, folder: string): string {
  const inside = relative(folder, path);
  return (inside.startsWith('..') || isAbsolute(inside) ? path : inside).split(sep).join('/');
}
