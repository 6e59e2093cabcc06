// Which chunks of a plan are left, and whose they are: free, somebody's, or published. What a worker knows of
// it may be old; the leases and the manifest decide.

import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ifThere } from '../run/errors/errors.ts';
import { type Lease, takeLease, watchLeases } from '../data/files/lease.ts';
import type { Run } from '../run/run.ts';
import { type ListedPart, partFile } from './part.ts';
import { listTasks, type Plan, type Task } from './plan.ts';
import { followPublished, isWhole } from './published.ts';

/** A chunk that is ours for now, and its parts that are published. */
export interface Claim {
  task: Task;
  published: readonly ListedPart[];
  lease: Lease;
}

export interface Queue {
  /**
   * Takes a chunk that is free and not whole; undefined where none is. Those with rows of the `skipped`
   * shards are left out from now on.
   */
  claim(skipped: ReadonlySet<string>): Promise<Claim | undefined>;
  /** Looks after a chunk again that was claimed and is not whole, as it may be somebody else's by now. */
  leave(task: Task): void;
  /** How many chunks are left, free or somebody's. */
  countLeft(): number;
}

/**
 * Workers would all ask for the same chunk: each takes any of so many, or of this share of them, of those
 * that are not much lighter than the heaviest.
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
  // The heaviest first, so that the last to be finished is a light one.
  let free = listTasks(run, plan)
    .filter(isOpen)
    .sort((a, b) => b.weight - a.weight);
  let held: Task[] = [];

  /** Looks again at the chunks that were somebody's. */
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
