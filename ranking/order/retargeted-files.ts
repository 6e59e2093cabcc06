// The folder retargeted/ of a run: a Parquet file and a card for each set of chosen benchmarks. Processes
// share it, so a reader holds a file with a mark beside it, a small file named after the process. Held files
// stay; of the others, the most recently used sets of the published generation stay.

import { mkdir, readdir, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { saveIfPossible } from '../../data/files/commit.ts';
import { ifThere, writeError } from '../../run/errors/errors.ts';
import { isAbandoned, keepOwned, ownedName } from '../../data/files/owned-files.ts';
import { fingerprint, type Run } from '../../run/run.ts';
import type { Ranking } from '../generation.ts';

/** Sets of benchmarks to keep beside those in use. */
const mostKept = 16;
const markEnding = '.use';

export interface RetargetedFiles {
  folder: string;
  /** Without an extension. */
  name: string;
  card: string;
  scores: string;
}

/** The files of a ranking by benchmarks. */
export function retargetedFiles(
  run: Run,
  { generation }: Ranking,
  benchmarks: readonly string[],
): RetargetedFiles {
  const folder = run.files.retargeted;
  const name = `${generation}-${fingerprint(benchmarks).slice(0, 16)}`;
  return { folder, name, card: join(folder, `${name}.json`), scores: join(folder, `${name}.parquet`) };
}

/**
 * Prevents the files of a ranking by benchmarks, existing or about to be made, from being removed until the
 * returned function is called. If nothing can be written to the folder, nothing can be removed from it
 * either.
 */
export async function holdRetargeted(
  run: Run,
  ranking: Ranking,
  benchmarks: readonly string[],
): Promise<() => Promise<void>> {
  const { folder, name, card } = retargetedFiles(run, ranking, benchmarks);
  const mark = join(folder, `${name}.${ownedName()}${markEnding}`);
  const forget = keepOwned(mark);
  await saveIfPossible(
    mkdir(folder, { recursive: true })
      .then(() => writeFile(mark, ''))
      .catch((error: unknown) => Promise.reject(writeError(error, mark))),
  );
  const now = new Date();
  await utimes(card, now, now).catch(() => undefined);
  return async () => {
    forget();
    await rm(mark, { force: true });
  };
}

/**
 * Removes the files of other generations, and of this one all but the most recently used sets, unless a
 * process holds them.
 */
export async function removeUnheld(run: Run, { generation }: Ranking): Promise<void> {
  const folder = run.files.retargeted;
  const names = new Set<string>();
  for (const file of await readdir(folder)) {
    const path = join(folder, file);
    if (file.endsWith(markEnding) && (await isAbandoned(path))) await rm(path, { force: true });
    if (/^\w+-\w+\.(?:json|parquet)$/.test(file)) names.add(file.slice(0, file.indexOf('.')));
  }
  const used = await Promise.all(
    [...names].map(async (name) => ({
      name,
      usedMs: name.startsWith(`${generation}-`) ? await usedAt(join(folder, `${name}.json`)) : 0,
    })),
  );
  const surplus = used
    .sort((a, b) => b.usedMs - a.usedMs)
    .filter(({ usedMs }, place) => usedMs === 0 || place >= mostKept);
  for (const { name } of surplus) {
    if (await isHeld(folder, name)) continue;
    // The card first: a later holder makes both files again, and an earlier one has its mark seen.
    await rm(join(folder, `${name}.json`), { force: true });
    if (!(await isHeld(folder, name))) await rm(join(folder, `${name}.parquet`), { force: true });
  }
}

/** When a set was last used; 0 if it has no card. */
async function usedAt(card: string): Promise<number> {
  return (await ifThere(stat(card)))?.mtimeMs ?? 0;
}

async function isHeld(folder: string, name: string): Promise<boolean> {
  return (await readdir(folder)).some((file) => file.startsWith(`${name}.`) && file.endsWith(markEnding));
}
