// The output folder of a selection. Never overwrites foreign files, and never looks complete when it is not:
// while a selection is being written, the folder has a marker and no manifest; the manifest comes last.

import { readdir, rm, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { z } from 'zod';
import { commitBytes, readJson } from '../../data/files/commit.ts';
import { BetrError, fail, reasonOf, systemCode } from '../../run/errors/errors.ts';
import { kindOf } from '../../run/regular-file.ts';

export const manifestFile = 'manifest.json';
export const rowsFile = 'selection.parquet';
export const documentsFolder = 'documents';
const marker = 'selection.unfinished';

/** The part of a manifest that lists its files. */
const listing = z.object({
  kind: z.literal('betr selection'),
  files: z.array(z.object({ file: z.string() })),
});

/**
 * Removes an earlier selection from a folder and calls `fill`. If `fill` fails, the folder is left empty.
 * Errors: OUT_NOT_EMPTY (nothing was touched), DISK_FULL, WRITE_FAILED, and those of `fill`.
 */
export async function fillOutFolder<T>(folder: string, fill: () => Promise<T>): Promise<T> {
  const files = await listFilesIn(folder);
  const foreign = await findForeign(folder, files);
  if (foreign !== undefined) throw fail('OUT_NOT_EMPTY', { path: folder, found: foreign });
  await commitBytes(
    join(folder, marker),
    'This selection is being written or was interrupted. Run the command again.\n',
  );
  try {
    await clear(
      folder,
      files.filter((file) => file !== marker),
    );
    const result = await fill();
    await rm(join(folder, marker));
    return result;
  } catch (error) {
    await clear(folder, await listFilesIn(folder));
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

/** A file that is not part of an earlier selection, complete or interrupted; undefined if there is none. */
async function findForeign(folder: string, files: readonly string[]): Promise<string | undefined> {
  const temporary = /(^|\/)\.[^/]+\.\d+\.tmp$/;
  const own = await listOwn(folder);
  const interrupted = files.includes(marker);
  return files.find(
    (file) =>
      !own.has(file) &&
      !temporary.test(file) &&
      !(interrupted && (file === marker || file === rowsFile || file.startsWith(`${documentsFolder}/`))),
  );
}

async function listOwn(folder: string): Promise<Set<string>> {
  try {
    const manifest = await readJson(join(folder, manifestFile), listing, 'betr select');
    return new Set(manifest === undefined ? [] : [manifestFile, ...manifest.files.map(({ file }) => file)]);
  } catch (error) {
    if (error instanceof BetrError && error.code === 'FILE_DAMAGED') return new Set(); // a foreign manifest.json
    throw error;
  }
}

/** Removes the files, the manifest first and the marker last, and the folders of documents. */
async function clear(folder: string, files: readonly string[]): Promise<void> {
  const place = (file: string): number => (file === manifestFile ? 0 : file === marker ? 2 : 1);
  for (const file of files.toSorted((a, b) => place(a) - place(b)))
    await rm(join(folder, file), { force: true });
  await rm(join(folder, documentsFolder), { recursive: true, force: true });
}
