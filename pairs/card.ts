// pairs.json: what a set of pairs was read from, and what `betr pairs check` found in it.

import { z } from 'zod';
import { amount, count, sha256 } from '../run/schemas.ts';

const share = z.number().min(0).max(1);

/** Characters (UTF-16 code units) of one side. */
const lengthSchema = z.strictObject({ median: amount, p90: amount, most: count });
export type Length = z.output<typeof lengthSchema>;

export const checkedSchema = z.strictObject({
  /** Rows of the files, and those that gave no pair. */
  rows: count,
  quarantined: count,
  /** Why, the most frequent first, with the first such row. */
  reasons: z.array(z.strictObject({ reason: z.string(), rows: count, first: z.string() })),
  /** What the rows were taken for. */
  shapes: z.array(z.strictObject({ shape: z.string(), rows: count, pairs: count })),
  shown: z.array(
    z.strictObject({
      id: z.string(),
      shape: z.string(),
      prompt: z.string(),
      chosen: z.string(),
      rejected: z.string(),
    }),
  ),
  /** Pairs that equal an earlier one. */
  duplicates: count,
  /** Pairs whose two answers another pair prefers the other way round. */
  contradictions: count,
  /** Pairs with a score on both sides, and those whose rejected answer has the higher one. */
  scored: count,
  swapped: count,
  /** Different prompts, and the most frequent one. */
  prompts: count,
  commonPrompt: z.strictObject({ pairs: count, id: z.string(), prompt: z.string() }).nullable(),
  /** Pairs whose prompt has words of benchmark tests; null if the settings name no tests. */
  tests: z
    .strictObject({
      items: count,
      pairs: count,
      benchmarks: z.array(z.strictObject({ benchmark: z.string(), pairs: count })),
      first: z.array(
        z.strictObject({ id: z.string(), benchmark: z.string(), item: z.string(), passage: z.string() }),
      ),
    })
    .nullable(),
  prompt: lengthSchema,
  chosen: lengthSchema,
  rejected: lengthSchema,
  /** Share of the pairs whose chosen answer is the longer one. */
  chosenLonger: share,
  /** By source, the most pairs first. */
  sources: z.array(
    z.strictObject({
      source: z.string().nullable(),
      pairs: count,
      prompt: amount,
      chosen: amount,
      rejected: amount,
      chosenLonger: share,
    }),
  ),
});
export type Checked = z.output<typeof checkedSchema>;

export const pairsCardSchema = z.strictObject({
  version: z.literal(1),
  name: z.string(),
  /** Fingerprint of the settings, files and tests that the set was made from. */
  inputs: sha256,
  files: z.array(z.strictObject({ path: z.string(), sha256, rows: count })),
  pairs: count,
  /** The columns of log probabilities in pairs.parquet. */
  logProbabilities: z.array(z.string()),
  /** pairs.parquet. */
  table: z.strictObject({ bytes: count, sha256 }),
  checked: checkedSchema,
});
export type PairsCard = z.output<typeof pairsCardSchema>;
