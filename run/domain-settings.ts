// The settings of `betr domains`.

import { z } from 'zod';
import { positiveNumber } from './bounds.ts';

const paths = z.array(z.string().min(1)).min(1);

/** More resamples only take longer. */
export const maxResamples = 100_000;

/** `betr domains`: tables of public models, and how to weight domains by them. */
export const domainSettingsSchema = z.strictObject({
  /**
   * Tables (CSV, TSV or Parquet) of losses and benchmark errors by model; token counts by domain; families by
   * model.
   */
  losses: z.string().min(1),
  errors: z.string().min(1),
  tokens: z.string().min(1).optional(),
  families: z.string().min(1).optional(),
  /** Whether the losses are nats per token (with columns tokens and bytes) instead of bits per byte. */
  raw: z.boolean().default(false),
  /** Target benchmarks; by default, all in the table. */
  benchmarks: z.array(z.string().min(1)).min(1).optional(),
  /** Combines several benchmarks by mean error or by mean rank. */
  combine: z.enum(['error', 'rank']).default('error'),
  estimator: z.enum(['product', 'sign', 'sign_cdf', 'sign_sign', 'spearman']).default('spearman'),
  ties: z.enum(['mid', 'ordinal', 'ordinal-reversed']).default('mid'),
  weights: z.enum(['linear', 'l2']).default('linear'),
  /** Share of the domains' tokens to keep, and how often a domain's tokens may be repeated. */
  keepRate: positiveNumber.max(1).default(0.1),
  repeat: positiveNumber.default(1),
  /** Bootstrap resamples of the models; by default, chosen by the number of domains. */
  resamples: z.number().int().nonnegative().max(maxResamples).optional(),
  seed: z.number().int().nonnegative().default(1),
  /** Files of pages (in the corpus's format, with its field names) to train the classifier on. */
  pages: paths.optional(),
});
export type DomainSettings = z.output<typeof domainSettingsSchema>;
