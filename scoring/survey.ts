// How far the scoring of the corpus is, and who works on it.

import { join } from 'node:path';
import type { Shard } from '../data/documents.ts';
import { listFolder } from '../data/files/files.ts';
import { type Holder, readLiveHolder } from '../data/files/lease-holder.ts';
import type { Run } from '../run/run.ts';
import { isChunkName } from './part.ts';
import { outlinePlan } from './make-plan.ts';
import { listTasks, shardsOfTasks } from './tasks.ts';
import { listOpenTasks } from './open-tasks.ts';

/**
 * The corpus's current shards, how many of them `scoreCorpus` would score, and the progress on the plan's
 * chunks. Errors: STEP_MISSING, those of `outlinePlan`.
 */
export async function surveyCorpus(run: Run): Promise<{
  shards: Pick<Shard, 'name' | 'bytes' | 'modifiedMs'>[];
  unscored: number;
  chunks: { scored: number; all: number };
  problems: string[];
}> {
  const { known, fresh } = await outlinePlan(run);
  const tasks = listTasks(run, known);
  const { open, lost, problems } = await listOpenTasks(run, tasks);
  return {
    problems: [...lost, ...problems],
    shards: [...known.shards, ...fresh],
    unscored: fresh.length + shardsOfTasks(open).length,
    chunks: { scored: tasks.length - open.length, all: tasks.length },
  };
}

/** The processes that work on the run: those with a lease, and the holder of the lock. */
export async function listAtWork({ files }: Run): Promise<Pick<Holder, 'pid' | 'host' | 'since'>[]> {
  const paths = [
    ...(await listFolder(files.leases)).filter(isChunkName).map((name) => join(files.leases, name)),
    files.lock,
  ];
  const holders = await Promise.all(paths.map(readLiveHolder));
  const byProcess = new Map(
    holders.flatMap((holder) => (holder === undefined ? [] : [[`${holder.host} ${holder.pid}`, holder]])),
  );
  return [...byProcess.values()].map(({ pid, host, since }) => ({ pid, host, since }));
}
