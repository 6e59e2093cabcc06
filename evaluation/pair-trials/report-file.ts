// The report of a trial on preference pairs, as report.json holds it.

import { z } from 'zod';
import { intervalSchema } from '../../data/statistics.ts';
import { capacitySchema } from '../../pairs/capacity.ts';
import { count } from '../../run/schemas.ts';
import { gainSchema } from '../trials/report-file.ts';
import { budgets } from './plan-file.ts';

const measure = intervalSchema.nullable();
const gain = gainSchema.nullable();

const armSchema = z.strictObject({
  /** easiest, middle, hardest, random, or all. */
  arm: z.string(),
  keep: z.number(),
  budget: z.enum([...budgets, 'both']),
  pairs: count,
  /** Of training, on average; pairs that are too long for the student take none. */
  steps: z.number(),
  seeds: count,
  /** Mean difficulty of its pairs, and mean characters of their answers. */
  difficulty: z.number(),
  chosenCharacters: z.number(),
  rejectedCharacters: z.number(),
  /** On the held-out pairs. Log probabilities are nats an answer, after training less before. */
  accuracy: intervalSchema,
  loss: intervalSchema,
  chosen: intervalSchema,
  rejected: intervalSchema,
  accuracyOverAll: gain,
  accuracyOverRandom: gain,
  lossOverAll: gain,
  lossOverRandom: gain,
  /** Bits per byte of the right answers, each benchmark with equal weight; gains are bits that it needs less. */
  items: measure,
  itemsOverUntuned: gain,
  itemsOverAll: gain,
  benchmarks: z.array(z.strictObject({ benchmark: z.string(), bits: intervalSchema, overUntuned: gain })),
  /** Mean characters of the answers to held-out prompts. */
  answerCharacters: z.number().nullable(),
  /** Against the untuned student. */
  winRate: measure,
  lengthControlled: measure,
  lengthControlledOverAll: gain,
});
export type ReportedPairArm = z.output<typeof armSchema>;

const peakSchema = z.strictObject({
  budget: z.enum(budgets),
  /** The table that `betr pairs select --fit` reads. */
  runs: z.string(),
  /** Null where the win rates have no peak. */
  capacity: capacitySchema.nullable(),
  /** Why there is no peak. */
  reason: z.string().nullable(),
});

export const pairTrialReportSchema = z.strictObject({
  version: z.literal(1),
  kind: z.literal('betr pairs trial report'),
  trial: z.string(),
  set: z.string(),
  measurement: z.string(),
  student: z.string(),
  parameters: z.number().nullable(),
  seeds: z.array(count),
  models: z.strictObject({ done: count, of: count }),
  /** What the held-out measures rest on: pairs, and groups of them with similar prompts. */
  heldOut: z.strictObject({ pairs: count, groups: count }),
  /** Of all training. */
  seconds: z.number(),
  flops: z.number(),
  untuned: z.strictObject({ items: measure, answerCharacters: z.number().nullable() }),
  judge: z.strictObject({ name: z.string(), prompts: count, leftOut: count, tokens: z.number() }).nullable(),
  arms: z.array(armSchema),
  peaks: z.array(peakSchema),
  problems: z.array(z.strictObject({ job: z.string(), problem: z.string() })),
  notes: z.array(z.string()),
});
export type PairTrialReport = z.output<typeof pairTrialReportSchema>;

export const reportJson = 'report.json';
