// trial.json, the plan of a trial on preference pairs: its arms, what measures them, and the jobs. Sealed, and never
// changed once it is written.

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { commitSealedJson, readSealedJson } from '../../data/files/commit.ts';
import { listFolder } from '../../data/files/files.ts';
import { sha256 } from '../../models/trainer/job.ts';
import { cutOrders } from '../../pairs/cut.ts';
import type { PairSet } from '../../pairs/set.ts';
import { fail, ifThere } from '../../run/errors/errors.ts';
import { count } from '../../run/schemas.ts';
import { checkTrialName, trialName } from '../trials/plan-file.ts';

/** How long an arm is trained: as many epochs, or as many steps, as the arm of all pairs. */
export const budgets = ['epochs', 'steps'] as const;
export type Budget = (typeof budgets)[number];

export const allArm = 'all';

const file = z.strictObject({ file: z.string(), sha256 });

const armSchema = z.strictObject({
  /** Part of its jobs' names. */
  id: z.string(),
  kind: z.enum([...cutOrders, allArm]),
  keep: z.number(),
  /** The seed whose models it trains; null for an arm that is the same for all seeds. */
  seed: count.nullable(),
  pairs: count,
  difficulty: z.number(),
  /** Mean characters. */
  chosenCharacters: z.number(),
  rejectedCharacters: z.number(),
  file,
});
export type PairArm = z.output<typeof armSchema>;

const job = z.strictObject({ name: z.string(), sha256 });
export type PairJob = z.output<typeof job>;

const modelSchema = z.strictObject({
  arm: z.string(),
  /** `both` for the arm of all pairs, whose two budgets are one. */
  budget: z.enum([...budgets, 'both']),
  seed: count,
  steps: count,
  train: job,
  /** Null without benchmarks, and without prompts. */
  items: job.nullable(),
  answers: job.nullable(),
});
export type PairModel = z.output<typeof modelSchema>;

const estimateSchema = z.strictObject({
  /** Of training and of the held-out pairs, for all models one after the other. */
  seconds: z.number(),
  flops: z.number(),
  diskBytes: z.number(),
  peakMemoryMb: z.number(),
});
export type PairTrialEstimate = z.output<typeof estimateSchema>;

const planSchema = z.strictObject({
  version: z.literal(1),
  kind: z.literal('betr pairs trial'),
  name: trialName,
  set: z.string(),
  plannedAt: z.iso.datetime(),
  /** Changes with everything that the plan was made from. */
  from: sha256,
  measurement: z.strictObject({ name: z.string(), method: z.string(), proxy: z.boolean(), seal: z.string() }),
  /** As people call it. */
  student: z.string(),
  keeps: z.array(z.number()).min(1),
  budgets: z.array(z.enum(budgets)).min(1),
  seeds: z.array(count).min(1),
  beta: z.number(),
  pairs: z.strictObject({
    all: count,
    known: count,
    /** Known, but with words of a benchmark test in the prompt, so no arm has them. */
    tests: count,
    heldOut: count,
    /** Groups of held-out pairs with similar prompts. */
    groups: count,
    /** What is left for the arms. */
    pool: count,
  }),
  arms: z.array(armSchema).min(1),
  heldOut: file,
  items: file.nullable(),
  benchmarks: z.array(z.strictObject({ benchmark: z.string(), items: count })),
  /** UTF-8 bytes of the items and their answers. */
  itemBytes: count,
  prompts: file.nullable(),
  promptCount: count,
  /** The name of the judge in the settings. */
  judge: z.string().nullable(),
  models: z.array(modelSchema).min(1),
  /** The student as it is: on the items, and its answers. */
  untuned: z.strictObject({ items: job.nullable(), answers: job.nullable() }),
  notes: z.array(z.string()),
  estimate: estimateSchema,
});
export type PairTrialPlan = z.output<typeof planSchema>;

const planFile = 'trial.json';

function trialsFolder({ files }: PairSet): string {
  return join(files.folder, 'trials');
}

/** The folder of a trial. Errors: OPTION_INVALID. */
export function pairTrialFolder(set: PairSet, name: string): string {
  return join(trialsFolder(set), checkTrialName(name));
}

export async function savePairTrial(set: PairSet, plan: PairTrialPlan): Promise<void> {
  await commitSealedJson(join(pairTrialFolder(set, plan.name), planFile), plan);
}

/** The plan with this name; undefined if there is none. Errors: FILE_DAMAGED, FILE_UNREADABLE, OPTION_INVALID. */
export function findPairTrial(set: PairSet, name: string): Promise<PairTrialPlan | undefined> {
  return readSealedJson(
    join(pairTrialFolder(set, name), planFile),
    planSchema,
    `betr pairs trial plan ${set.name}`,
  );
}

/** The plan with this name. Errors: PAIRS_TRIAL_UNKNOWN, those of `findPairTrial`. */
export async function readPairTrial(set: PairSet, name: string): Promise<PairTrialPlan> {
  const plan = await findPairTrial(set, name);
  if (plan === undefined)
    throw fail('PAIRS_TRIAL_UNKNOWN', { set: set.name, name, known: await listPairTrials(set) });
  return plan;
}

async function listPairTrials(set: PairSet): Promise<string[]> {
  const found: string[] = [];
  for (const name of (await listFolder(trialsFolder(set))).sort())
    if ((await ifThere(stat(join(trialsFolder(set), name, planFile)))) !== undefined) found.push(name);
  return found;
}
