// Every document's rank for each benchmark of a larger ranking, precomputed so that a new set of benchmarks
// needs no sorting: 4 bytes for each document and benchmark, and a checksum at the end, cached in the run's
// folder as long as the generation is published.

import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { commitFile } from '../../data/files/commit.ts';
import { fail, ifThere } from '../../run/errors/errors.ts';
import { openRegular } from '../../run/regular-file.ts';
import { fingerprint, type Run } from '../../run/run.ts';
import type { Ranking } from '../generation.ts';
import { addWords, writeAll } from './shared-file.ts';

/** With fewer documents, combining a new set costs less than a question. */
const fewestDocuments = 20_000;
const blockRanks = 1 << 20;

/** The benchmarks of a ranking whose ranks should be cached and are not yet. */
export async function listMissingRanks(
  run: Run,
  ranking: Ranking,
  fewest = fewestDocuments,
): Promise<string[]> {
  const missing: string[] = [];
  for (const benchmark of ranking.documents < fewest ? [] : ranking.scorer.outputs.slice(1)) {
    const file = await openRanks(run, ranking, benchmark);
    if (file === undefined) missing.push(benchmark);
    await file?.close();
  }
  return missing;
}

/**
 * Passes the cached ranks for a benchmark (0 is best) to `use`, block by block in the order of positions,
 * reusing the same memory. 'missing': not cached or of the wrong size. 'damaged': the checksum does not match
 * the blocks already passed; the file is then removed.
 */
export async function readRanks(
  run: Run,
  ranking: Ranking,
  benchmark: string,
  use: (from: number, ranks: Uint32Array) => void,
): Promise<'read' | 'missing' | 'damaged'> {
  const file = await openRanks(run, ranking, benchmark);
  if (file === undefined) return 'missing';
  const path = pathOf(run, ranking, benchmark);
  try {
    const block = new Uint32Array(Math.min(blockRanks, Math.max(1, ranking.documents)));
    const readAt = async (words: Uint32Array, at: number): Promise<void> => {
      const { bytesRead } = await file.read(words, 0, words.byteLength, 4 * at);
      if (bytesRead < words.byteLength)
        throw fail('FILE_UNREADABLE', { path, reason: 'it was truncated while it was read' });
    };
    let checksum = 0;
    for (let from = 0; from < ranking.documents; from += block.length) {
      const ranks = block.subarray(0, ranking.documents - from);
      await readAt(ranks, from);
      checksum = addWords(checksum, ranks);
      use(from, ranks);
    }
    const last = block.subarray(0, 1);
    await readAt(last, ranking.documents);
    if (last[0] === checksum) return 'read';
    await rm(path, { force: true });
    return 'damaged';
  } finally {
    await file.close();
  }
}

async function openRanks(run: Run, ranking: Ranking, benchmark: string): Promise<FileHandle | undefined> {
  const file = await ifThere(openRegular(pathOf(run, ranking, benchmark)));
  if (file === undefined || (await file.stat()).size === 4 * (ranking.documents + 1)) return file;
  await file.close();
  return undefined;
}

/** Saves the ranks for a benchmark. Errors: DISK_FULL, WRITE_FAILED. */
export async function saveRanks(
  run: Run,
  ranking: Ranking,
  benchmark: string,
  ranks: Uint32Array,
): Promise<void> {
  await commitFile(pathOf(run, ranking, benchmark), async (temporary) => {
    const file = await open(temporary, 'w');
    try {
      await writeAll(file, new Uint8Array(ranks.buffer, ranks.byteOffset, ranks.byteLength), 0);
      await writeAll(file, new Uint8Array(Uint32Array.of(addWords(0, ranks)).buffer), ranks.byteLength);
    } finally {
      await file.close();
    }
  });
}

function pathOf(run: Run, { generation }: Ranking, benchmark: string): string {
  return join(run.files.ranks, `${generation}-${fingerprint(benchmark).slice(0, 16)}.ranks`);
}
