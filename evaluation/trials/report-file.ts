// The report of a trial, as report.json holds it.

import { join } from 'node:path';
import { z } from 'zod';
import { count } from '../../run/schemas.ts';
import { commitJson, readJson } from '../../data/files/commit.ts';
import { intervalSchema } from '../../data/statistics.ts';
import type { Run } from '../../run/run.ts';
import { estimateSchema } from '../match.ts';
import { trialFolder } from './plan-file.ts';

/** A difference: above 0 is better. `verdict` says whether the interval leaves out 0. */
export const gainSchema = intervalSchema.extend({
  /** Seeds that both arms have. */
  seeds: count,
  verdict: z.enum(['better', 'worse', 'no difference seen']),
});
export type Gain = z.output<typeof gainSchema>;

export const multiplierSchema = z.strictObject({
  /** `is`: read where both curves have the loss; `above`, `below`: they do not overlap, so only a bound is known. */
  kind: z.enum(['is', 'above', 'below']),
  times: z.number(),
  /** Null where the curves of a resample do not overlap. */
  low: z.number().nullable(),
  high: z.number().nullable(),
});

const armSchema = z.strictObject({
  arm: z.string(),
  kind: z.enum(['ranking', 'random', 'no filter']),
  keep: z.number(),
  /** Runs and seeds that finished. */
  runs: count,
  seeds: count,
  /** How often its tokens were seen, at most. */
  passes: z.number(),
  /** Bits per byte at the end, each the mean over its sets; null if nothing measures it. `n` is the number of items. */
  answers: estimateSchema.nullable(),
  whole: estimateSchema.nullable(),
  texts: estimateSchema.nullable(),
  /** Fewer bits per byte of the answers (of the texts) than no filter, and than random cuts of the same size. */
  overNoFilter: gainSchema.nullable(),
  overRandom: gainSchema.nullable(),
  textsOverNoFilter: gainSchema.nullable(),
  multiplier: multiplierSchema.nullable(),
  /** Bits per byte of the answers by what was read. */
  curve: z.array(intervalSchema.extend({ tokens: count, flops: z.number() })),
  benchmarks: z.array(
    z.strictObject({
      benchmark: z.string(),
      answers: intervalSchema,
      overNoFilter: gainSchema.nullable(),
      /** Share of right choices by log probability, and by log probability for each character. */
      accuracy: intervalSchema.nullable(),
      accuracyByCharacter: intervalSchema.nullable(),
    }),
  ),
  sources: z.array(
    z.strictObject({ source: z.string(), bits: intervalSchema, overNoFilter: gainSchema.nullable() }),
  ),
});
export type ReportedArm = z.output<typeof armSchema>;

const atRateSchema = z.strictObject({
  learningRate: z.number(),
  arms: z.array(armSchema),
  /** Standard deviation of the answers' mean over seeds, pooled over the arms; null if no arm has two seeds. */
  noise: z.strictObject({ deviation: z.number(), freedom: count }).nullable(),
  /** The smallest difference that these seeds find four times out of five. */
  smallest: z.number().nullable(),
  benchmarks: z.array(
    z.strictObject({
      benchmark: z.string(),
      items: count,
      measure: z.enum(['answer', 'whole']),
      signalToNoise: z.number().nullable(),
      /** Whether these models are right more often than chance; without that, accuracies mean nothing. */
      accuracy: z
        .strictObject({ chance: z.number(), all: intervalSchema, isAboveChance: z.boolean() })
        .nullable(),
    }),
  ),
});
export type ReportAtRate = z.output<typeof atRateSchema>;

const cheapSchema = z.strictObject({
  measure: z.string(),
  arms: count,
  pairs: count,
  /** Share of the pairs in the models' order. */
  share: intervalSchema.nullable(),
  /** Why there is no share. */
  reason: z.string().nullable(),
});

export const trialReportSchema = z.strictObject({
  version: z.literal(1),
  kind: z.literal('betr trial report'),
  trial: z.string(),
  model: z.string(),
  tokenizer: z.string(),
  parameters: z.strictObject({ all: z.number(), withoutEmbeddings: z.number() }).nullable(),
  tokens: count,
  seeds: z.array(count),
  /** Jobs that are done, of all. */
  jobs: z.strictObject({ done: count, of: count }),
  seconds: z.number(),
  flops: z.number(),
  devices: z.array(z.string()),
  learningRates: z.array(atRateSchema),
  /** Pairs of arms that change places between the first two learning rates; null with one of them. */
  flips: z.strictObject({ pairs: count, flipped: z.array(z.tuple([z.string(), z.string()])) }).nullable(),
  cheapMeasures: z.array(cheapSchema),
  /** Jobs without a result. */
  problems: z.array(z.strictObject({ job: z.string(), problem: z.string() })),
  /** What to be careful about. */
  notes: z.array(z.string()),
});
export type TrialReport = z.output<typeof trialReportSchema>;

export const reportJson = 'report.json';
export const reportPage = 'report.html';

export async function saveReport(run: Run, report: TrialReport): Promise<void> {
  await commitJson(join(trialFolder(run, report.trial), reportJson), report);
}

/** The last report of a trial; undefined if there is none. Errors: FILE_DAMAGED, FILE_UNREADABLE. */
export function readReport(run: Run, trial: string): Promise<TrialReport | undefined> {
  return readJson(join(trialFolder(run, trial), reportJson), trialReportSchema, 'betr trial report');
}
