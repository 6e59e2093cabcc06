// Makes the plan: compares the corpus with the plan on disk, cuts and packs the shards that are new, and agrees with
// other processes on the result.

import { setTimeout } from 'node:timers/promises';
import { cutShard } from '../data/chunks.ts';
import { commitSealedJson } from '../data/files/commit.ts';
import type { Chunk, Shard } from '../data/documents.ts';
import { BetrError } from '../run/errors/errors.ts';
import { withLock } from '../data/files/lock.ts';
import type { Report } from '../run/progress.ts';
import { fingerprint, type Run } from '../run/run.ts';
import { describeDuplicates, listCorpus } from '../data/shards.ts';
import { isSmall, packShards } from './packs.ts';
import { type Plan, type PlannedShard, readPlanFile, readScoring } from './plan.ts';

/** Text of a chunk for a slow scorer: some hundred documents. */
const slowChunkBytes = 2 ** 20;

/**
 * The plan as far as it can be made without reading shards: the unchanged shards, and those to cut.
 */
interface Outline {
  known: Plan;
  fresh: Shard[];
  /** The plan on disk. */
  before: Plan | undefined;
  /** Notes on the corpus's files, for users. */
  notes: string[];
}

/** Compares the corpus with the plan. Errors: STEP_MISSING, those of `listCorpus`. */
export async function outlinePlan(run: Run): Promise<Outline> {
  const { fingerprint: scorer, prepared } = await readScoring(run);
  const wanted = Math.ceil(run.settings.scoring.chunkMegabytes * 2 ** 20);
  const chunkBytes = prepared.slow === true ? Math.min(slowChunkBytes, wanted) : wanted;
  const shards = await listCorpus(run);
  const before = await readPlanFile(run).catch((error: unknown) => {
    // A plan that is damaged or from another version is replaced.
    if (error instanceof BetrError && error.code === 'FILE_DAMAGED') return undefined;
    throw error;
  });
  // With another scorer everything is scored again anyway, so small packs that grew over time are merged.
  const isKept = (shard: PlannedShard): boolean => !('pack' in shard) || before?.scorer === scorer;
  const planned = new Map(
    before?.chunkBytes === chunkBytes ? before.shards.filter(isKept).map((shard) => [shard.name, shard]) : [],
  );
  const known: Plan = { version: 2, scorer, chunkBytes, shards: [] };
  const fresh: Shard[] = [];
  for (const shard of shards) {
    const earlier = planned.get(shard.name);
    if (earlier?.bytes === shard.bytes && earlier.modifiedMs === shard.modifiedMs) known.shards.push(earlier);
    else fresh.push(shard);
  }
  return { known, fresh, before, notes: describeDuplicates(shards) };
}

/**
 * Cuts the new shards of the corpus and writes the plan if anything changed. `note` gets notes on the
 * corpus's files, for users. Errors: STEP_MISSING, those of `listCorpus` and `cutShard`, DISK_FULL,
 * WRITE_FAILED.
 */
export async function makePlan(
  run: Run,
  report: Report,
  note: (notes: string[]) => void = () => undefined,
): Promise<Plan> {
  const { known, fresh, before, notes } = await outlinePlan(run);
  note(notes);
  const { chunkBytes } = known;
  const large = fresh.filter((shard) => !isSmall(shard, chunkBytes));
  const cut = large.length === 0 ? [] : await cutShards(run, large, chunkBytes, report);
  const plan = {
    ...known,
    shards: [...known.shards, ...packFresh(known, fresh), ...cut].sort((a, b) => (a.name < b.name ? -1 : 1)),
  };
  if (before === undefined || fingerprint(before) !== fingerprint(plan))
    await commitSealedJson(run.files.plan, plan);
  return plan;
}

/** Packs the small ones of the fresh shards. */
export function packFresh(
  { shards, chunkBytes }: Plan,
  fresh: readonly Shard[],
): Extract<PlannedShard, { pack: number }>[] {
  const first = shards.reduce((next, shard) => ('pack' in shard ? Math.max(next, shard.pack + 1) : next), 0);
  const small = fresh
    .filter((shard) => isSmall(shard, chunkBytes))
    .map(({ name, format, bytes, modifiedMs }) => ({ name, format, bytes, modifiedMs }));
  return packShards(small, chunkBytes, first);
}

async function cutShards(
  run: Run,
  shards: readonly Shard[],
  chunkBytes: number,
  report: Report,
): Promise<Plan['shards']> {
  const cut: Plan['shards'] = [];
  for (const shard of shards) {
    const { name, format, bytes, modifiedMs } = shard;
    cut.push({
      name,
      format,
      bytes,
      modifiedMs,
      chunks: await cutShard(shard, run.settings.corpus.fields, chunkBytes).catch(wholeIfUnreadable),
    });
    report({ stage: 'plan', done: cut.length, total: shards.length, unit: 'shards' });
  }
  return cut;
}

/**
 * The plan of the current corpus, made by this or another process. While another process has the run's lock,
 * an existing plan is good enough as long as it has work left (`isLeft`). Aborting the signal stops the wait.
 * Errors: those of `makePlan`.
 */
export async function agreeOnPlan(
  run: Run,
  isLeft: (plan: Plan) => Promise<boolean>,
  report: Report,
  signal?: AbortSignal,
): Promise<Plan> {
  for (;;) {
    signal?.throwIfAborted();
    const { known, fresh, before } = await outlinePlan(run);
    if (before !== undefined && fresh.length === 0 && fingerprint(before) === fingerprint(known))
      return before;
    try {
      return await withLock(run, () => makePlan(run, report));
    } catch (error) {
      if (!(error instanceof BetrError && error.code === 'RUN_LOCKED')) throw error;
    }
    if (before?.scorer === known.scorer && before.chunkBytes === known.chunkBytes && (await isLeft(before)))
      return before;
    await setTimeout(1000, undefined, { signal }).catch(() => undefined);
  }
}

/** A damaged shard fails when a worker reads it. It must not stop the plan for all others. */
function wholeIfUnreadable(error: unknown): Chunk[] {
  if (error instanceof BetrError && error.code === 'FILE_UNREADABLE') return [{ firstRow: 0 }];
  throw error;
}
