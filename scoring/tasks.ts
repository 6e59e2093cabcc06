// The tasks of a plan: what one worker scores at a time, a chunk of a shard or a pack of small shards.

import type { Chunk, Shard } from '../data/documents.ts';
import { fingerprint, type Run } from '../run/run.ts';
import { isCompressed, pathOf } from '../data/shards.ts';
import { guessTextBytes } from './packs.ts';
import type { Plan } from './plan.ts';

/** Rows of one shard that belong to a task. */
export interface Piece {
  shard: Shard;
  chunk: Chunk;
  endsShard: boolean;
}

/** A unit of work for one worker: a chunk of a shard, or a pack of small shards. */
export interface Task {
  /**
   * A hash of the shards, the chunk, the scorer and the chunk size; parts and leases are named after it.
   */
  name: string;
  /** The chunk, or all shards of the pack sorted by name. */
  pieces: readonly Piece[];
  /** Bytes of text after which a new part begins. */
  partBytes: number;
  /** Estimated bytes of text. */
  weight: number;
}

/** The tasks of the plan, in the order of their first shards and rows. */
export function listTasks(run: Run, plan: Plan): Task[] {
  const tasks: (Omit<Task, 'name'> & { again: number })[] = [];
  const packs = new Map<number, { pieces: Piece[]; partBytes: number; weight: number; again: number }>();
  for (const planned of plan.shards) {
    const { name, format, bytes, modifiedMs, again = 0 } = planned;
    const shard: Shard = {
      name,
      path: pathOf(name, run.settingsFolder, run.settings.corpus.files),
      format,
      bytes,
      modifiedMs,
    };
    if ('pack' in planned) {
      const known = packs.get(planned.pack);
      const pack = known ?? { pieces: [], partBytes: 2 * plan.chunkBytes, weight: 0, again: 0 };
      pack.pieces.push({ shard, chunk: { firstRow: 0 }, endsShard: true });
      pack.weight += guessTextBytes(shard);
      pack.again += again;
      packs.set(planned.pack, pack);
      if (known === undefined) tasks.push(pack);
      continue;
    }
    // A chunk of an uncompressed file is one part, unless it has far more text than estimated.
    const partBytes = isCompressed(format) ? plan.chunkBytes : 2 * plan.chunkBytes;
    const last = planned.chunks.length - 1;
    for (const [index, chunk] of planned.chunks.entries())
      tasks.push({
        pieces: [{ shard, chunk, endsShard: index === last }],
        partBytes,
        weight: guessTextBytes(shard) / planned.chunks.length,
        again,
      });
  }
  return tasks.map(({ again, ...task }) => ({ ...task, name: nameTask(plan, task.pieces, again) }));
}

/** The distinct shards of tasks. */
export function shardsOfTasks(tasks: readonly Task[]): Shard[] {
  return [...new Map(tasks.flatMap(({ pieces }) => pieces.map(({ shard }) => [shard.name, shard]))).values()];
}

function nameTask({ scorer, chunkBytes }: Plan, pieces: readonly Piece[], again: number): string {
  return fingerprint([
    pieces.map(({ shard: { name, bytes, modifiedMs }, chunk }) => [name, bytes, modifiedMs, chunk]),
    scorer,
    chunkBytes,
    ...(again === 0 ? [] : [again]),
  ]).slice(0, 20);
}
