// A selection at an address (s3://, https://): written here first, then put there file by file, the manifest last. While that goes on the manifest there says that
// it is unfinished, so that nobody takes a mixture of an earlier selection and this one for whole.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { BetrError, fail } from '../data/errors.ts';
import { readPieces } from '../data/files.ts';
import type { Report } from '../data/progress.ts';
import { openStore } from '../data/remote/store.ts';
import { manifestFile } from './out-folder.ts';

const ours = z.object({ kind: z.literal('betr selection') });

/**
 * Gives `fill` a folder of this machine and puts what it lists at `address`. Errors: OUT_NOT_EMPTY where a manifest that is not ours lies there (nothing was
 * touched), REMOTE_DENIED, REMOTE_FAILED, and those of `fill`.
 */
export async function uploadFolder<T extends { files: readonly { file: string; bytes: number }[] }>(address: string, fill: (folder: string) => Promise<T>, report: Report): Promise<T> {
  const target = (file: string): string => `${address.replace(/\/+$/, '')}/${file}`;
  await checkManifest(target(manifestFile));
  const folder = await mkdtemp(join(tmpdir(), 'betr-upload-'));
  try {
    const manifest = await fill(join(folder, 'selection'));
    const store = await openStore(address);
    await writeFile(join(folder, 'unfinished.json'), `${JSON.stringify({ kind: 'betr selection', unfinished: true })}\n`);
    await store.put(join(folder, 'unfinished.json'), target(manifestFile));
    const total = manifest.files.reduce((sum, { bytes }) => sum + bytes, 0);
    let done = 0;
    for (const { file, bytes } of manifest.files) {
      report({ stage: 'upload', done, total, unit: 'bytes' });
      await store.put(join(folder, 'selection', file), target(file));
      done += bytes;
    }
    await store.put(join(folder, 'selection', manifestFile), target(manifestFile));
    return manifest;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function checkManifest(url: string): Promise<void> {
  const pieces: Uint8Array[] = [];
  try {
    for await (const piece of readPieces(url)) pieces.push(piece);
  } catch (error) {
    if (error instanceof BetrError && error.code === 'FILE_NOT_FOUND') return;
    throw error;
  }
  try {
    ours.parse(JSON.parse(Buffer.concat(pieces).toString('utf8')));
  } catch (error) {
    throw fail('OUT_NOT_EMPTY', { path: url, found: manifestFile }, error);
  }
}
