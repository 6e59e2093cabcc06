// The settings of preference pairs.

import { z } from 'zod';
import { positiveNumber } from './bounds.ts';
import { name } from './model-settings.ts';

const fieldName = z.string().min(1).max(100);

/** A column's name, with {model} and {checkpoint} where the files have several. */
const columnTemplate = z
  .string()
  .min(1)
  .max(200)
  .refine(
    (template) => {
      const places = template.match(/\{[^{}]*\}/g) ?? [];
      return (
        places.every((place) => place === '{model}' || place === '{checkpoint}') &&
        new Set(places).size === places.length
      );
    },
    { error: 'the name of a column, with {model} and {checkpoint} at most once each and no other braces' },
  );

/** How pairs are made from several scored answers to one prompt. */
export const combineRules = ['best-worst', 'neighbors', 'all'] as const;
export type CombineRule = (typeof combineRules)[number];

export const pairsSchema = z.strictObject({
  name,
  /** JSON Lines (plain, gz, zst), JSON, CSV or Parquet. */
  files: z.array(z.string().min(1)).min(1),
  combine: z.enum(combineRules).default('best-worst'),
  /** Names of fields; by default, those that such files usually have. */
  fields: z
    .strictObject({
      prompt: fieldName.optional(),
      chosen: fieldName.optional(),
      rejected: fieldName.optional(),
      id: fieldName.optional(),
      source: fieldName.optional(),
      category: fieldName.optional(),
      language: fieldName.optional(),
    })
    .prefault({}),
  /** Log probabilities of the answers that the files already have, as columns of numbers. */
  logProbabilities: z
    .strictObject({
      /** The β of the DPO loss. */
      beta: positiveNumber.default(0.01),
      chosen: columnTemplate,
      rejected: columnTemplate,
      referenceChosen: columnTemplate.default('ref_chosen_logps'),
      referenceRejected: columnTemplate.default('ref_rejected_logps'),
      /** Numbers of tokens of the answers, for each model and for the reference. They must be equal. */
      chosenTokens: columnTemplate.optional(),
      rejectedTokens: columnTemplate.optional(),
      referenceChosenTokens: columnTemplate.optional(),
      referenceRejectedTokens: columnTemplate.optional(),
    })
    .optional(),
});
export type PairsSettings = z.output<typeof pairsSchema>;
export type PairFields = PairsSettings['fields'];
export type LogProbabilityColumns = NonNullable<PairsSettings['logProbabilities']>;
