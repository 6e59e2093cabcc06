// Precomputes what lets a server answer without sorting. If the run has been served before, this happens
// before the next generation is published, so that the server is ready for it at once.

import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { reasonOf } from '../../run/errors/errors.ts';
import { listFolder } from '../../data/files/files.ts';
import type { Report } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import { rankDocuments } from './combine.ts';
import type { Ranking } from '../generation.ts';
import { readHeld } from '../held.ts';
import { saveOrder, readSavedOrder } from './saved-order.ts';
import { saveRanks, listMissingRanks } from './saved-ranks.ts';
import { makeKeyOrder, readKeyOrder } from './key-order.ts';
import { readOrder } from './order.ts';

/**
 * Fewer documents are sorted instantly. More would take gigabytes of memory, which a server must have but
 * `betr rank` need not.
 */
const documentsToPrepare = { fewest: 20_000, most: 100_000_000 };

/**
 * Calls `prepareForServer` if the run has been served, which leaves a cached order of keys. A failure costs
 * only speed, so it is returned as a note.
 */
export async function prepareIfServed(run: Run, ranking: Ranking, report: Report): Promise<string[]> {
  try {
    if ((await listFolder(run.files.keyOrders)).length > 0) await prepareForServer(run, ranking, report);
    return [];
  } catch (error) {
    return [`the orders that speed up a server's answers could not be precomputed: ${reasonOf(error)}`];
  }
}

/**
 * Caches the order of keys, the order of the documents and their ranks for each benchmark, unless they exist.
 * Errors: DISK_FULL, WRITE_FAILED, those of `withScores`.
 */
export async function prepareForServer(
  run: Run,
  ranking: Ranking,
  report: Report,
  { fewest, most } = documentsToPrepare,
): Promise<void> {
  if (ranking.documents < fewest || ranking.documents > most) return;
  const benchmarks = await listMissingRanks(run, ranking, fewest);
  const total = 2 + benchmarks.length;
  let done = 0;
  const reportNext = (): void =>
    report({ stage: 'prepare for the server', done: done++, total, unit: 'orders' });
  reportNext();
  const keyOrder = (await readKeyOrder(run, ranking)) ?? (await makeKeyOrder(run, ranking));
  reportNext();
  if ((await readSavedOrder(run, ranking)) === undefined)
    await saveOrder(run, ranking, await readOrder(run, ranking, { keyOrder }));
  for (const benchmark of benchmarks) {
    reportNext();
    await saveRanks(run, ranking, benchmark, (await rankDocuments(run, ranking, [benchmark])).ranks);
  }
  reportNext();
}

/** Removes what was precomputed for generations other than these, unless a process holds them. */
export async function removePrepared(run: Run, generations: readonly Ranking[]): Promise<void> {
  const kept = [...generations, ...(await readHeld(run))].map(({ generation }) => generation);
  const { keyOrders, orders, ranks } = run.files;
  for (const folder of [keyOrders, orders, ranks]) {
    for (const file of await listFolder(folder)) {
      if (!file.startsWith('.') && !kept.some((generation) => file.startsWith(generation)))
        await rm(join(folder, file), { force: true });
    }
  }
}
