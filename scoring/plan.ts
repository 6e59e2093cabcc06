// run/plan.json: the chunks of the corpus and the packs of small shards to score, the scorer, and the size
// and time of each shard when it was cut. Promises: an unchanged shard is not scored again, unless another
// shard of its pack changed; every row of the corpus is in exactly one chunk or pack.

import { z } from 'zod';
import { count } from '../run/schemas.ts';
import { chunkSchema } from '../data/chunks.ts';
import { commitSealedJson, readSealedJson } from '../data/files/commit.ts';
import { type Shard, shardSchema } from '../data/documents.ts';
import { fail } from '../run/errors/errors.ts';
import { fingerprint, rankCommandOf, type Run } from '../run/run.ts';
import { readTokenRates, type TokenRates } from '../indexer/sample/tokens.ts';
import type { PreparedScorer } from './scorers/kind.ts';
import { readScorer } from './scorers/list.ts';

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
export type PlannedShard = Plan['shards'][number];

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

export function readPlanFile(run: Run): Promise<Plan | undefined> {
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
