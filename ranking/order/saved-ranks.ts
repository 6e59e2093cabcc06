// Every document's rank for each benchmark of a ranking that is not small, made ahead so that a new set of benchmarks needs no sorting: 4 bytes a document and
// benchmark, kept in the run's folder as long as the generation is published.

import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { commitBytes } from '../../data/files/commit.ts';
import { fail, ifThere } from '../../run/errors/errors.ts';
import { fingerprint, type Run } from '../../run/run.ts';
import type { Ranking } from '../generation.ts';

/** Of fewer documents a new set costs less than a question does. */
const fewestDocuments = 20_000;
const blockRanks = 1 << 20;

/** The benchmarks of a ranking whose ranks are to be kept, and are not yet. */
export async function listMissingRanks(run: Run, ranking: Ranking, fewest = fewestDocuments): Promise<string[]> {
  const missing: string[] = [];
  for (const benchmark of ranking.documents < fewest ? [] : ranking.scorer.outputs.slice(1)) {
    const file = await openRanks(run, ranking, benchmark);
    if (file === undefined) missing.push(benchmark);
    await file?.close();
  }
  return missing;
}

/** Hands the kept ranks for a benchmark (0 is best) to `use`, some at a time in the order of positions, each time in the same memory. False where they are not kept, or not whole. */
export async function readRanks(run: Run, ranking: Ranking, benchmark: string, use: (from: number, ranks: Uint32Array) => void): Promise<boolean> {
  const file = await openRanks(run, ranking, benchmark);
  if (file === undefined) return false;
  try {
    const block = new Uint32Array(Math.min(blockRanks, ranking.documents));
    for (let from = 0; from < ranking.documents; from += block.length) {
      const ranks = block.subarray(0, ranking.documents - from);
      const { bytesRead } = await file.read(ranks, 0, ranks.byteLength, 4 * from);
      if (bytesRead < ranks.byteLength) throw fail('FILE_UNREADABLE', { path: pathOf(run, ranking, benchmark), reason: 'it ended while it was read' });
      use(from, ranks);
    }
    return true;
  } finally {
    await file.close();
  }
}

async function openRanks(run: Run, ranking: Ranking, benchmark: string): Promise<FileHandle | undefined> {
  const file = await ifThere(open(pathOf(run, ranking, benchmark)));
  if (file === undefined || (await file.stat()).size === 4 * ranking.documents) return file;
  await file.close();
  return undefined;
}

/** Keeps the ranks for a benchmark. Errors: DISK_FULL, WRITE_FAILED. */
export async function saveRanks(run: Run, ranking: Ranking, benchmark: string, ranks: Uint32Array): Promise<void> {
  await commitBytes(pathOf(run, ranking, benchmark), new Uint8Array(ranks.buffer, ranks.byteOffset, ranks.byteLength));
}

function pathOf(run: Run, { generation }: Ranking, benchmark: string): string {
  return join(run.files.ranks, `${generation}-${fingerprint(benchmark).slice(0, 16)}.ranks`);
}
