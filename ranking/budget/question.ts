// The schemas of a question about a budget and of its answer, shared by commands, routes and the page.

import { z } from 'zod';
import { positive } from '../../run/schemas.ts';
import { boundedNumber, positiveNumber } from '../../run/bounds.ts';
import { cutoffSchema } from '../cutoff.ts';
import { ratesSetBy } from './laws.ts';

const rate = z.number().min(0).max(1);

/** A budget (one or two of FLOPs, parameters, tokens), a share to keep, or both; or a score alone. */
export const questionSchema = z.strictObject({
  /** Training FLOPs. */
  budget: positiveNumber.optional(),
  params: positiveNumber.optional(),
  tokens: positiveNumber.optional(),
  /** Share of the tokens to keep, instead of the law's. */
  keep: positiveNumber.max(1).optional(),
  /** The lowest score to keep, compared as a float32, instead of a budget or a share. */
  score: boundedNumber.optional(),
  /** Tokens of the larger pool that the ranked corpus is a sample of. */
  poolTokens: positiveNumber.optional(),
  /** The law's name: one of the paper's, or a calibration's. Default: the settings' `keep.pool`. */
  pool: z.string().optional(),
  tokensPerParam: positiveNumber.optional(),
  maxEpochs: positiveNumber.optional(),
  /**
   * Ranks by these benchmarks only, or by all but those: a document's score is then its best corpus
   * percentile among them.
   */
  benchmarks: z.array(z.string()).min(1).optional(),
  without: z.array(z.string()).min(1).optional(),
});

export type Question = z.output<typeof questionSchema>;

/** Whether a question asks for a cutoff. */
export function asksForCutoff({ budget, params, tokens, keep, score }: Question): boolean {
  return [budget, params, tokens, keep, score].some((value) => value !== undefined);
}

export const flagNames = [
  'extrapolated',
  'far-from-compute-optimal',
  'below-tested-rates',
  'pool-too-small',
  'corpus-far-below-law-range',
  'tokens-estimated',
  'score-ties',
  'nothing-kept',
  'fixed-score',
] as const;

export type Flag = (typeof flagNames)[number];

/** A cutoff without what only a selection needs. */
const shownCutoff = cutoffSchema.omit({ last: true }).strip();

const modelSchema = z.strictObject({
  flops: positive,
  params: positive,
  tokens: positive,
  tokensPerParam: positive,
});

export const answerSchema = z.strictObject({
  /** Shares of the tokens, as fractions; keeping anything from low to high costs little. */
  keep: z.strictObject({
    rate,
    low: rate,
    high: rate,
    setBy: z.enum(ratesSetBy),
    /** The requested score; absent unless one was requested. The rate is then the kept share. */
    score: z.number().optional(),
  }),
  /**
   * In the ranked corpus: the lowest score kept (null: nothing is kept), the kept amounts, and the totals.
   */
  cutoff: shownCutoff,
  /** Null if only a share was requested. */
  model: modelSchema.nullable(),
  /**
   * Passes over the kept tokens, and what the seen tokens are worth in fresh ones; null without a model or
   * tokens.
   */
  repetition: z.strictObject({ epochs: z.number().min(1), effectiveTokens: positive }).nullable(),
  /** Null if the share or the score was requested. */
  law: z.strictObject({ name: z.string(), formula: z.string() }).nullable(),
  /**
   * For a requested share or score: the budget it suits by the law and the data floor, and the range in which it costs
   * little (`to` null: no upper limit).
   */
  suits: z
    .strictObject({ law: z.string(), at: modelSchema, from: modelSchema, to: modelSchema.nullable() })
    .optional(),
  flags: z.array(z.enum(flagNames)),
  /** What to be careful about, one sentence each: the flags as text, and other assumptions. */
  caveats: z.array(z.string()),
  ranking: z.strictObject({ generation: z.string(), publishedAt: z.string() }),
  /**
   * The chosen benchmarks, whose best corpus percentile is the score; absent if the score is the joint one.
   */
  benchmarks: z.array(z.string()).optional(),
  /** The larger pool, if one was given: its tokens, and how many of them the share keeps. */
  pool: z.strictObject({ tokens: positive, kept: z.number().nonnegative() }).optional(),
  /** At most two sentences to paste into a plan. */
  summary: z.string(),
});

export type Answer = z.output<typeof answerSchema>;
