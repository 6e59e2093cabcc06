// Checks every part of a ranking against its checksum.

import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { ListedPart } from '../../scoring/part.ts';
import { type FileHash, hashFiles } from '../../data/files/hash-files.ts';
import type { Report } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import { type AddProblem, isAltered } from './problems.ts';

/** Bytes that a thread hashes in half a second; starting another one takes a tenth of a second. */
const bytesPerThread = 1e9;

/** Checks every part against its checksum; returns the good ones. */
export async function verifyHashes(
  run: Run,
  parts: readonly ListedPart[],
  addProblem: AddProblem,
  report: Report,
): Promise<{ good: ListedPart[]; bytes: number; seconds: number }> {
  const startedMs = performance.now();
  const total = parts.reduce((sum, { bytes }) => sum + bytes, 0);
  let bytes = 0;
  const threads = Math.min(run.settings.workers ?? availableParallelism(), Math.ceil(total / bytesPerThread));
  const hashes = await hashFiles(
    parts.map(({ file }) => join(run.files.scores, file)),
    threads,
    (more) => {
      bytes += more;
      report({ stage: 'verify: checksums', done: bytes, total: Math.max(total, bytes), unit: 'bytes' });
    },
  );
  const good = parts.filter(({ file, sha256 }, index) => {
    const problem = compareHash(hashes[index], sha256);
    if (problem !== undefined)
      addProblem(`${join(run.files.scores, file)} ${problem}. Remove it if it exists, and run "betr rank".`);
    return problem === undefined;
  });
  return { good, bytes, seconds: (performance.now() - startedMs) / 1000 };
}

function compareHash(hash: FileHash | undefined, sha256: string): string | undefined {
  if (hash === undefined || 'problem' in hash) return `cannot be read (${hash?.problem ?? ''})`;
  return hash.sha256 === sha256 ? undefined : isAltered;
}
