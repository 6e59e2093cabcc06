// Output folders, which users name. Never overwrites foreign files, and never looks complete when it is not:
// while a folder is being filled, it has a marker and no manifest; the manifest comes last.

import { readdir, rm, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { z } from 'zod';
import { BetrError, fail, ifThere, reasonOf, systemCode } from '../../run/errors/errors.ts';
import { kindOf } from '../../run/regular-file.ts';
import { commitBytes, readJson } from './commit.ts';
import { sha256File } from './hash-files.ts';

export const manifestFile = 'manifest.json';

/** What a command writes into its output folders. */
export interface OutKind {
  /** The `kind` of its manifests, such as "betr selection". */
  kind: string;
  command: string;
  /** The name of the marker. */
  marker: string;
  /** Files and folders beside the manifest that an interrupted command may have left. */
  files: readonly string[];
  folders: readonly string[];
  /** Files that users are invited to edit; an edited one counts as theirs. */
  editable?: readonly string[];
}

/**
 * Removes what the command wrote earlier from a folder and calls `fill`, which writes the manifest last. If `fill`
 * fails, the folder is left empty.
 * Errors: OUT_NOT_EMPTY (nothing was touched), DISK_FULL, WRITE_FAILED, and those of `fill`.
 */
export async function fillOutFolder<T>(folder: string, kind: OutKind, fill: () => Promise<T>): Promise<T> {
  const { marker } = kind;
  const files = await listFilesIn(folder);
  const foreign = await findForeign(folder, files, kind);
  if (foreign !== undefined) throw fail('OUT_NOT_EMPTY', { path: folder, found: foreign });
  await commitBytes(
    join(folder, marker),
    'This folder is being written, or the command was interrupted. Run it again.\n',
  );
  try {
    await clear(
      folder,
      files.filter((file) => file !== marker),
      kind,
    );
    const result = await fill();
    await rm(join(folder, marker));
    return result;
  } catch (error) {
    await clear(folder, await listFilesIn(folder), kind);
    throw error;
  }
}

/** Every file in a folder, as a relative path with "/"; none if the folder does not exist. */
async function listFilesIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true });
    return entries
      .filter((entry) => !entry.isDirectory())
      .map((entry) =>
        join(entry.parentPath, entry.name)
          .slice(folder.length + 1)
          .replaceAll(sep, '/'),
      );
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return [];
    if (systemCode(error) === 'ENOTDIR')
      throw fail('OUT_NOT_EMPTY', { path: folder, found: `it is a ${kindOf(await stat(folder))}` }, error);
    throw fail('FILE_UNREADABLE', { path: folder, reason: reasonOf(error) }, error);
  }
}

/** A file that the command did not write, complete or interrupted; undefined if there is none. */
async function findForeign(
  folder: string,
  files: readonly string[],
  kind: OutKind,
): Promise<string | undefined> {
  const temporary = /(^|\/)\.[^/]+\.\d+\.tmp$/;
  const own = await listOwn(folder, kind);
  const interrupted = files.includes(kind.marker);
  return files.find(
    (file) =>
      !own.has(file) &&
      !temporary.test(file) &&
      !(
        interrupted &&
        (file === kind.marker ||
          kind.files.includes(file) ||
          kind.folders.some((name) => file.startsWith(`${name}/`)))
      ),
  );
}

/** The part of a manifest that lists its files. */
const listing = (kind: string) =>
  z.object({ kind: z.literal(kind), files: z.array(z.object({ file: z.string(), sha256: z.string() })) });

async function listOwn(folder: string, { kind, command, editable = [] }: OutKind): Promise<Set<string>> {
  try {
    const manifest = await readJson(join(folder, manifestFile), listing(kind), command);
    if (manifest === undefined) return new Set();
    const own = new Set([manifestFile]);
    for (const { file, sha256 } of manifest.files)
      if (!editable.includes(file) || (await ifThere(sha256File(join(folder, file)))) === sha256)
        own.add(file);
    return own;
  } catch (error) {
    if (error instanceof BetrError && error.code === 'FILE_DAMAGED') return new Set(); // a foreign manifest.json
    throw error;
  }
}

/** Removes the files, the manifest first and the marker last, and the folders. */
async function clear(folder: string, files: readonly string[], { marker, folders }: OutKind): Promise<void> {
  const place = (file: string): number => (file === manifestFile ? 0 : file === marker ? 2 : 1);
  for (const file of files.toSorted((a, b) => place(a) - place(b)))
    await rm(join(folder, file), { force: true });
  for (const name of folders) await rm(join(folder, name), { recursive: true, force: true });
}
