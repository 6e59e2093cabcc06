// Uploads a selection (s3://, https://): writes it to a local folder first, then uploads it file by file, the
// manifest last. During the upload, the remote manifest is marked unfinished, so that nobody mistakes a
// mixture of an earlier selection and this one for a complete one.

import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { makeTemporaryFolder } from '../../data/files/commit.ts';
import { BetrError, fail } from '../../run/errors/errors.ts';
import { copyPieces, readPieces } from '../../data/files/files.ts';
import type { Report } from '../../run/progress.ts';
import type { RemoteStore } from '../../data/remote/store.ts';
import { manifestFile } from '../../data/files/out-folder.ts';
import { showPath } from '../../run/address.ts';
import { openStore } from '../../data/remote/open.ts';

/** An existing remote manifest, complete or unfinished, which lists every file that may be there. */
const earlierSchema = z.object({
  kind: z.literal('betr selection'),
  files: z
    .array(z.object({ file: z.string().refine((file) => !file.split('/').includes('..')) }))
    .default([]),
});

/**
 * Calls `fill` with a local folder and uploads the files it lists to `address`, replacing an earlier
 * selection. Errors: OUT_NOT_EMPTY if there is anything else (nothing was touched), REMOTE_NOT_FOUND,
 * REMOTE_DENIED, REMOTE_FAILED, and those of `fill`.
 */
export async function uploadFolder<T extends { files: readonly { file: string; bytes: number }[] }>(
  address: string,
  fill: (folder: string) => Promise<T>,
  report: Report,
): Promise<T> {
  const addressOf = (file: string): string => `${address.replace(/(?<!\/)\/+$/, '')}/${file}`;
  const earlier = await readEarlier(addressOf(manifestFile));
  const store = await openStore(address);
  const folder = await makeTemporaryFolder('upload');
  const markUnfinished = async (files: readonly { file: string }[]): Promise<void> => {
    await writeFile(
      join(folder, 'unfinished.json'),
      `${JSON.stringify({ kind: 'betr selection', unfinished: true, files: files.map(({ file }) => ({ file })) })}\n`,
    );
    await store.put(join(folder, 'unfinished.json'), addressOf(manifestFile));
  };
  try {
    if (earlier === undefined) {
      const found = await store.findAny(address);
      if (found !== undefined) throw fail('OUT_NOT_EMPTY', { path: showPath(address), found });
      // Before the work, so that missing permissions fail immediately.
      await markUnfinished([]);
    }
    const manifest = await fill(join(folder, 'selection'));
    const stale = (earlier ?? []).filter(({ file }) => manifest.files.every((own) => own.file !== file));
    await markUnfinished([...manifest.files, ...stale]);
    for (const { file } of stale) await removeIfThere(store, addressOf(file));
    const total = manifest.files.reduce((sum, { bytes }) => sum + bytes, 0);
    let done = 0;
    for (const { file, bytes } of manifest.files) {
      report({ stage: 'upload', done, total, unit: 'bytes' });
      await store.put(join(folder, 'selection', file), addressOf(file));
      done += bytes;
    }
    await store.put(join(folder, 'selection', manifestFile), addressOf(manifestFile));
    return manifest;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * The files of the selection whose manifest is at `url`; undefined if there is none. Errors: OUT_NOT_EMPTY if
 * it is not a selection's manifest.
 */
async function readEarlier(url: string): Promise<readonly { file: string }[] | undefined> {
  const pieces: Uint8Array[] = [];
  try {
    for await (const piece of copyPieces(readPieces(url))) pieces.push(piece);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  try {
    return earlierSchema.parse(JSON.parse(Buffer.concat(pieces).toString('utf8'))).files;
  } catch (error) {
    throw fail('OUT_NOT_EMPTY', { path: showPath(url), found: manifestFile }, error);
  }
}

async function removeIfThere(store: RemoteStore, url: string): Promise<void> {
  try {
    await store.remove(url);
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof BetrError && error.code === 'REMOTE_NOT_FOUND';
}
