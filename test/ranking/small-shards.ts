// Corpora of small shards, for tests of packs.

import { mkdir, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Run } from '../../run/run.ts';
import { makeLines, makeTrainedRun, type TrainedRunOptions } from '../classifier/trained-run.ts';
import { withFolder } from '../data/collect.ts';

/** When all of them were changed last. */
export const time = 1_700_000_000;

/** Writes files into corpus/. */
export async function writeShards(
  folder: string,
  shards: Readonly<Record<string, string | Uint8Array>>,
): Promise<void> {
  for (const [name, content] of Object.entries(shards)) {
    const path = join(folder, 'corpus', name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    await utimes(path, time, time);
  }
}

/** Small shards, each of some lines of its own, and one that is not small. */
export function smallShards(
  count: number,
  { lines = 6, large = true, from = 0 } = {},
): Record<string, string | Uint8Array> {
  const shards: Record<string, string | Uint8Array> = large ? { 'm-large.jsonl': makeLines(400, 999) } : {};
  for (let i = from; i < from + count; i++) {
    const [name, text] = [String(i).padStart(4, '0'), makeLines(lines, 1000 + i)];
    shards[i % 5 === 4 ? `${name}.jsonl.gz` : `${name}.jsonl`] = i % 5 === 4 ? gzipSync(text) : text;
  }
  return shards;
}

/** Calls `use` with a trained run over these shards. */
export async function withShards(
  shards: Readonly<Record<string, string | Uint8Array>>,
  use: (run: Run, folder: string) => Promise<void>,
  options: TrainedRunOptions = {},
): Promise<void> {
  await withFolder(async (folder) => {
    await writeShards(folder, shards);
    await use(await makeTrainedRun(folder, { files: ['corpus/**'], ...options }), folder);
  });
}
