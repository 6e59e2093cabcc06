// Lists the shards of a corpus, and finds a shard by its name.

import { resolve, sep } from 'node:path';
import type { ListedFile, Shard, ShardFormat } from './documents.ts';
import { BetrError, fail } from '../run/errors/errors.ts';
import { endingOf } from './files/endings.ts';
import { listFiles } from './list-files.ts';
import { statFile } from './files/files.ts';
import type { Run } from '../run/run.ts';
import { expandAddress } from './remote/addresses.ts';
import { isRemote, showPath } from '../run/address.ts';

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
  return format !== 'jsonl' && format !== 'parquet';
}

/** The matching shards, sorted by name. Errors: those of `listFiles`; FILE_KIND_UNKNOWN for other formats. */
export async function listShards(patterns: readonly string[], folder: string): Promise<Shard[]> {
  return (await listFiles(patterns, folder, formatOf)).map((file) => ({
    ...file,
    format: formatOf(file.path),
  }));
}

/**
 * The shards of a run's corpus, without files in the run folder. Errors: CORPUS_MISSING, those of `listShards`;
 * NO_FILES if nothing else matches.
 */
export async function listCorpus({
  settings,
  settingsPath,
  settingsFolder,
}: Pick<Run, 'settings' | 'settingsPath' | 'settingsFolder'>): Promise<Shard[]> {
  const { files } = settings.corpus;
  if (files.length === 0) throw fail('CORPUS_MISSING', { path: settingsPath });
  const own = resolve(settingsFolder, settings.run) + sep;
  const shards = (await listShards(files, settingsFolder)).filter(({ path }) => !path.startsWith(own));
  if (shards.length === 0)
    throw fail('NO_FILES', {
      what: 'corpus.files outside the run folder',
      patterns: files.map(showPath).join(', '),
    });
  return shards;
}

const namedTwice = 3;

/** A note about files with several names, in case different files were intended. */
export function describeDuplicates(files: readonly ListedFile[]): string[] {
  const twice = files.flatMap(({ name, otherNames = [] }) =>
    otherNames.length === 0
      ? []
      : [
          `${name} (also ${otherNames.slice(0, namedTwice).join(', ')}` +
            `${otherNames.length > namedTwice ? ', …' : ''})`,
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
