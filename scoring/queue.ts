// Which tasks of a plan are free, leased by a worker, or published. A worker's view may be out of date; the
// leases and the manifests decide.

import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ifThere } from '../run/errors/errors.ts';
import { type Lease, takeLease } from '../data/files/lease.ts';
import { watchLeases } from '../data/files/lease-watch.ts';
import type { Run } from '../run/run.ts';
import { type ListedPart, partFile } from './part.ts';
import { type Plan } from './plan.ts';
import { listTasks, type Task } from './tasks.ts';
import { followPublished, isWhole } from './published.ts';

/** A task leased by this worker, and its published parts. */
export interface Claim {
  task: Task;
  published: readonly ListedPart[];
  lease: Lease;
}

export interface Queue {
  /**
   * Leases a free task that is not completely published; undefined if there is none. From now on, skips tasks
   * with rows of `skipped` shards.
   */
  claim(skipped: ReadonlySet<string>): Promise<Claim | undefined>;
  /** Puts back a claimed task that is not complete. Another worker may have it by now. */
  leave(task: Task): void;
  /** The number of tasks left, free or leased. */
  countLeft(): number;
}

/**
 * A worker picks a random one of the heaviest tasks, because all workers would try to lease the same one. It
 * chooses among `choices` tasks or this share of them, whichever is more, that are not much lighter than the
 * heaviest.
 */
const choices = 16;
const shareOfChoices = 0.25;
const lightest = 0.5;

export async function openQueue(run: Run, plan: Plan): Promise<Queue> {
  const { beatSeconds, lostSeconds } = run.settings.scoring;
  const watch = watchLeases(1000 * lostSeconds);
  const published = followPublished(run);
  const leaseOf = (task: Task): string => join(run.files.leases, task.name);
  await mkdir(run.files.leases, { recursive: true });
  await published.refresh();
  const isOpen = (task: Task): boolean => !isWhole(published.partsOf(task.name));
  const without = (tasks: Task[], skipped: ReadonlySet<string>): Task[] =>
    skipped.size === 0
      ? tasks
      : tasks.filter(({ pieces }) => !pieces.some(({ shard }) => skipped.has(shard.name)));
  // Heaviest first, so that workers finish at about the same time.
  let free = listTasks(run, plan)
    .filter(isOpen)
    .sort((a, b) => b.weight - a.weight);
  let held: Task[] = [];

  /** Checks again the tasks that other workers had leased. */
  const look = async (skipped: ReadonlySet<string>): Promise<void> => {
    await published.refresh();
    const open = without(held, skipped).filter(isOpen);
    held = [];
    for (const task of open) ((await watch.isFree(leaseOf(task))) ? free : held).push(task);
  };

  const claimFree = async (skipped: ReadonlySet<string>): Promise<Claim | undefined> => {
    free = without(free, skipped);
    while (free.length > 0) {
      const least = lightest * (free[0]?.weight ?? 0);
      const alike = free
        .slice(0, Math.max(choices, Math.floor(shareOfChoices * free.length)))
        .filter(({ weight }) => weight >= least).length;
      const [task] = free.splice(Math.floor(Math.random() * alike), 1);
      if (task === undefined) break;
      const lease = await takeLease(leaseOf(task), 1000 * beatSeconds);
      if (lease === undefined) {
        held.push(task);
        continue;
      }
      const known = published.partsOf(task.name).length;
      const isBehind = await exists(join(run.files.scores, partFile(task.name, known)));
      if (isBehind) await published.refresh();
      if (isOpen(task)) return { task, published: published.partsOf(task.name), lease };
      await lease.release();
      free = free.filter(isOpen);
    }
    return undefined;
  };

  return {
    async claim(skipped) {
      const claim = await claimFree(skipped);
      if (claim !== undefined || held.length === 0) return claim;
      await look(skipped);
      return claimFree(skipped);
    },
    leave: (task) => void held.push(task),
    countLeft: () => free.length + held.length,
  };
}

async function exists(path: string): Promise<boolean> {
  return (await ifThere(stat(path))) !== undefined;
}
