// A question about a budget and its answer, as one schema: commands, routes, and the page take them from
// here.

import { z } from 'zod';
import { positiveNumber } from '../../run/bounds.ts';
import { cutoffSchema } from '../cutoff.ts';

const positive = z.number().positive();

const rate = z.number().min(0).max(1);

/** What is asked: a budget (one or two of FLOPs, parameters, tokens), or a share to keep, or both. */
export const questionSchema = z.strictObject({
  /** FLOPs of training. */
  budget: positiveNumber.optional(),
  params: positiveNumber.optional(),
  tokens: positiveNumber.optional(),
  /** Share of the tokens to keep, in place of the law's. */
  keep: positiveNumber.max(1).optional(),
  /** Tokens of the larger pool that the ranked corpus is a sample of. */
  poolTokens: positiveNumber.optional(),
  /** The law's name: one of the paper's, or that of a calibration. In place of the settings' `keep`. */
  pool: z.string().optional(),
  tokensPerParam: positiveNumber.optional(),
  maxEpochs: positiveNumber.optional(),
  /**
   * Ranks by these benchmarks alone, or by all but those: a document's score is then its best corpus
   * percentile among them.
   */
  benchmarks: z.array(z.string()).min(1).optional(),
  without: z.array(z.string()).min(1).optional(),
});

export type Question = z.output<typeof questionSchema>;

export const flagNames = [
  'extrapolated',
  'far-from-compute-optimal',
  'below-tested-rates',
  'pool-too-small',
  'corpus-far-below-law-range',
  'tokens-estimated',
  'score-ties',
  'nothing-kept',
] as const;

export type Flag = (typeof flagNames)[number];

/** A cutoff less what only a selection needs. */
const shownCutoff = cutoffSchema.omit({ last: true }).strip();

const modelSchema = z.strictObject({
  flops: positive,
  params: positive,
  tokens: positive,
  tokensPerParam: positive,
});

export const answerSchema = z.strictObject({
  /** Shares of the tokens, as fractions; keeping anything from low to high costs little. */
  keep: z.strictObject({ rate, low: rate, high: rate, setBy: z.enum(['law', 'data floor', 'keep']) }),
  /**
   * Of the ranked corpus: the lowest score kept (null: nothing is), what is kept, and what there is without a
   * filter.
   */
  cutoff: shownCutoff,
  /** Null where only a share was asked for. */
  model: modelSchema.nullable(),
  /**
   * Passes over the kept tokens, and what the tokens seen are worth in fresh ones; null without a model or
   * without tokens.
   */
  repetition: z.strictObject({ epochs: z.number().min(1), effectiveTokens: positive }).nullable(),
  /** Null where the share was asked for. */
  law: z.strictObject({ name: z.string(), formula: z.string() }).nullable(),
  /**
   * Where a share was asked for: the budgets that it suits by the law and the data floor, and between which
   * it costs little (to null: without end).
   */
  suits: z
    .strictObject({ law: z.string(), at: modelSchema, from: modelSchema, to: modelSchema.nullable() })
    .optional(),
  flags: z.array(z.enum(flagNames)),
  /** What to be careful about, one sentence each: the flags as text, and other assumptions. */
  caveats: z.array(z.string()),
  ranking: z.strictObject({ generation: z.string(), publishedAt: z.string() }),
  /**
   * The benchmarks whose best corpus percentile is the score, where some were chosen; else the score is the
   * joint one.
   */
  benchmarks: z.array(z.string()).optional(),
  /** The larger pool, where one was named: its tokens, and how many of them the share keeps. */
  pool: z.strictObject({ tokens: positive, kept: z.number().nonnegative() }).optional(),
  /** At most two sentences to paste into a plan. */
  summary: z.string(),
});

export type Answer = z.output<typeof answerSchema>;
