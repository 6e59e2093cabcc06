// run/plan.json: the chunks of the corpus and the packs of small shards to score, the scorer, and the size
// and time of each shard when it was cut. Promises: an unchanged shard is not scored again, unless another
// shard of its pack changed; every row of the corpus is in exactly one chunk or pack.

import { setTimeout } from 'node:timers/promises';
import { z } from 'zod';
import { count } from '../run/schemas.ts';
import { chunkSchema, cutShard } from '../data/chunks.ts';
import { commitSealedJson, readSealedJson } from '../data/files/commit.ts';
import { type Chunk, type Shard, shardSchema } from '../data/documents.ts';
import { BetrError, fail } from '../run/errors/errors.ts';
import { withLock } from '../data/files/lock.ts';
import type { Report } from '../run/progress.ts';
import { fingerprint, rankCommandOf, type Run } from '../run/run.ts';
import { describeDuplicates, isCompressed, listCorpus, pathOf } from '../data/shards.ts';
import { readTokenRates, type TokenRates } from '../indexer/sample/tokens.ts';
import { guessTextBytes, isSmall, packShards } from './packs.ts';
import type { PreparedScorer } from './scorers/kind.ts';
import { readScorer } from './scorers/list.ts';

/** Text of a chunk for a slow scorer: some hundred documents. */
const slowChunkBytes = 2 ** 20;

const stateSchema = shardSchema
  .omit({ path: true })
  .extend({
    /** How many times its documents were asked about again, because a server had refused some of them. */
    again: count.positive().optional(),
  })
  .strict();

const planSchema = z.strictObject({
  version: z.literal(2),
  /** Fingerprint of what scores depend on besides the text: weights, token rates, field names. */
  scorer: z.string(),
  chunkBytes: count,
  /** Sorted by name. A small shard has its pack's number, any other its chunks. */
  shards: z
    .array(
      z.union([
        stateSchema.extend({ pack: count }),
        stateSchema.extend({ chunks: z.array(chunkSchema).min(1) }),
      ]),
    )
    .refine((shards) => shards.every(({ name }, i) => i === 0 || (shards[i - 1]?.name ?? '') < name), {
      error: 'the shards in the order of their names, each once',
    }),
});
export type Plan = z.output<typeof planSchema>;
type PlannedShard = Plan['shards'][number];

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

/**
 * The plan as far as it can be made without reading shards: the unchanged shards, and those to cut.
 */
export interface Outline {
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

/** A fingerprint of the corpus: the same for the same shards, scorer and chunk size. */
export function fingerprintCorpus(
  { scorer, chunkBytes }: Plan,
  shards: readonly Pick<Shard, 'name' | 'bytes' | 'modifiedMs'>[],
): string {
  return fingerprint([
    scorer,
    chunkBytes,
    shards.map(({ name, bytes, modifiedMs }) => [name, bytes, modifiedMs]).sort(),
  ]);
}

/** Plans to score these shards again, into other parts: the published ranking keeps its own until then. */
export async function planAgain(run: Run, plan: Plan, names: ReadonlySet<string>): Promise<Plan> {
  const shards = plan.shards.map((shard) =>
    names.has(shard.name) ? { ...shard, again: (shard.again ?? 0) + 1 } : shard,
  );
  await commitSealedJson(run.files.plan, { ...plan, shards });
  return { ...plan, shards };
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

function readPlanFile(run: Run): Promise<Plan | undefined> {
  return readSealedJson(run.files.plan, planSchema, rankCommandOf(run));
}

/**
 * Reads the plan. Errors: STEP_MISSING, FILE_DAMAGED, PLAN_STALE if the scorer, rates or fields have changed.
 */
export async function readPlan(run: Run): Promise<Plan> {
  const plan = await readPlanFile(run);
  if (plan === undefined) throw fail('STEP_MISSING', { need: 'plan', command: rankCommandOf(run) });
  if (plan.scorer !== (await readScoring(run)).fingerprint)
    throw fail('PLAN_STALE', { path: run.files.plan, command: rankCommandOf(run) });
  return plan;
}

/** What scores depend on besides the text, and its fingerprint. */
export interface PreparedScoring {
  prepared: PreparedScorer;
  rates: TokenRates;
  fingerprint: string;
}

/** Reads the current inputs of scoring. Errors: STEP_MISSING, FILE_DAMAGED. */
export async function readScoring(run: Run): Promise<PreparedScoring> {
  const [prepared, rates] = [await readScorer(run), await readTokenRates(run)];
  return {
    prepared,
    rates,
    fingerprint: fingerprint({ weights: prepared.fingerprint, rates, fields: run.settings.corpus.fields }),
  };
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
