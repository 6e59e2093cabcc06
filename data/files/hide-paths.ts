// Removes local folders from messages to clients: they show paths only relative to the settings folder.

import { realpathSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, isAbsolute, join, sep } from 'node:path';
import { findHome, listCacheFolders } from '../remote/cache-folder.ts';
import { productFolder } from '../../run/product-folder.ts';
import type { BetrError } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';

type Shown = readonly [folder: RegExp, name: string];
const known = new WeakMap<Run, readonly Shown[]>();

/** A text without folders of this machine, such as the home folder. */
export function hidePaths(run: Run, text: string): string {
  if (!text.includes(sep)) return text;
  const shown = known.get(run) ?? listFolders(run);
  known.set(run, shown);
  return shown.reduce(
    (rest, [folder, name]) =>
      rest.replace(folder, (_all, separator: string) =>
        name === '' ? (separator === '' ? '.' : '') : name + separator,
      ),
    text,
  );
}

/** An error's message for clients: without local folders, and without details of bugs. */
export function describeError(error: BetrError, run: Run): string {
  return error.code === 'INTERNAL'
    ? "This is a bug in betr, not in your request; the server's log has the reason."
    : hidePaths(run, error.message);
}

/** Hides paths in every string of a JSON value. */
export function hidePathsIn(run: Run, value: unknown): unknown {
  if (typeof value === 'string') return hidePaths(run, value);
  if (Array.isArray(value)) return value.map((one) => hidePathsIn(run, one));
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, hidePathsIn(run, inner)]));
  return value;
}

/** Folders and their replacements, the deepest first, so that a folder inside another keeps its own name. */
function listFolders(run: Run): Shown[] {
  const { settingsFolder, folder, settings } = run;
  const home = findHome();
  const patterns = [
    ...settings.corpus.files,
    ...settings.pairs.flatMap(({ files }) => files),
    ...settings.benchmarks.flatMap(({ files, tests = [] }) => [...files, ...tests]),
  ];
  const names = new Map<string, string>([
    ...patterns.filter(isAbsolute).map((pattern): [string, string] => [folderOf(pattern), '…']),
    ...(home === undefined ? [] : [[home, '~'] satisfies [string, string]]),
    [tmpdir(), '…'],
    [productFolder(), 'betr'],
    ...listCacheFolders().map(({ path }): [string, string] => [path, '…']),
    ...(folder.startsWith(settingsFolder + sep)
      ? []
      : [[folder, basename(folder)] satisfies [string, string]]),
    [settingsFolder, ''],
  ]);
  const real = [...names].flatMap(([path, name]): [string, string][] => [
    [path, name],
    [realPath(path), name],
  ]);
  return [...new Map(real)]
    .filter(([path]) => path.length > 1)
    .sort(([a], [b]) => b.length - a.length)
    .map(([path, name]): Shown => [
      new RegExp(`(?<![\\w.-])${path.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')}([\\\\/]|(?![\\w.-]))`, 'g'),
      name,
    ]);
}

/** The path before the first folder with a wildcard, or before the file name. */
function folderOf(pattern: string): string {
  const parts = pattern.split(/[\\/]/);
  const wild = parts.findIndex((part) => /[*?[\]{}()!]/.test(part));
  return parts.slice(0, wild < 0 ? -1 : wild).join(sep);
}

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return join(path);
  }
}
