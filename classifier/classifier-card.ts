// classifier/card.json: what was trained on which inputs, and how well it recognizes the best 10% of
// documents that it did not learn from.

import { z } from 'zod';
import { count, sha256 } from '../run/schemas.ts';
import { readSealedJson } from '../data/files/commit.ts';
import { intervalSchema } from '../data/statistics.ts';
import { fail } from '../run/errors/errors.ts';
import type { Run } from '../run/run.ts';
import { settingsSchema } from '../run/settings.ts';
import { testTargetsSchema } from '../indexer/index-card.ts';

/** With bootstrap intervals. */
const fidelitySchema = z.strictObject({
  rocAuc: intervalSchema,
  /** Scores above 0 count as top documents. */
  balancedAccuracy: intervalSchema,
  /** Between score and target (for best-rank targets: the order of the best ranks). */
  spearman: intervalSchema,
  /** For the best `keep` of the documents by score. */
  kept: z.array(z.strictObject({ keep: z.number(), precision: intervalSchema, recall: intervalSchema })),
});
export type Fidelity = z.output<typeof fidelitySchema>;

export const cardSchema = z.strictObject({
  version: z.literal(2),
  /** 'joint' first, then one for each benchmark. `heldOut` is cross-fitted: see `crossFit`. */
  outputs: z.array(z.strictObject({ name: z.string(), heldOut: fidelitySchema })).min(1),
  features: z.strictObject({
    ngrams: z.string(),
    hash: z.string(),
    normalisation: z.string(),
    /** The table has 2^bits bins, of which `binsUsed` occur in at least `minCount` training documents. */
    bits: count,
    minCount: count,
    binsUsed: count,
  }),
  labels: z.strictObject({ top: z.number(), softened: z.string(), balance: z.string() }),
  training: z.strictObject({
    method: z.string(),
    seed: count,
    /**
     * Passes over the training documents: maximum, actual, and the mean held-out loss after each, which
     * decides when training ends.
     */
    epochs: count,
    epochsRun: count,
    heldOutLosses: z.array(z.number()),
  }),
  /** `heldOut`: documents that decided when training ends. */
  documents: z.strictObject({ training: count, heldOut: count, withoutTarget: count }),
  /** The models behind the fidelity. Each scores one fold of the documents and learned from the others. */
  crossFit: z.strictObject({
    folds: count,
    assignment: z.string(),
    alignment: z.string(),
    /** Documents that the fidelity was measured on: all with a target, but at most `mostMeasured`. */
    measured: count,
    mostMeasured: count,
    epochsRun: z.array(count),
    /** SHA-256 of the weights, by fold. */
    weightsSha256: z.array(sha256).min(1),
  }),
  /** SHA-256 of the files, and the classifier settings. */
  inputs: z.strictObject({
    sample: sha256,
    targets: sha256,
    settings: settingsSchema.shape.classifier.unwrap(),
  }),
  weightsSha256: sha256,
  notes: z.array(z.string()),
  /** Targets that are test items, if forced (`betr index --force-tests`). */
  testTargets: testTargetsSchema.default([]),
});
export type Card = z.output<typeof cardSchema>;

/** Reads the run's card. Errors: STEP_MISSING, FILE_UNREADABLE, FILE_DAMAGED. */
export async function readCard(run: Run): Promise<Card> {
  const card = await readSealedJson(run.files.card, cardSchema, 'betr train');
  if (card === undefined) throw fail('STEP_MISSING', { need: 'trained classifier', command: 'betr train' });
  return card;
}
