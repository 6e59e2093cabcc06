// The manifest of a selection.

import { z } from 'zod';
import { count } from '../../run/schemas.ts';
import { unknownSchema } from '../../scoring/part.ts';
import { settingsSchema } from '../../run/settings.ts';
import { testTargetsSchema } from '../../indexer/index-card.ts';
import { sourceChangeSchema } from './composition.ts';
import { leakHandling } from './leak-mask.ts';
import { filledQuotaSchema } from './quotas.ts';
import { repeatSchema } from './repeat.ts';
import { answerSchema, questionSchema } from '../budget/question.ts';

/** An answer without its ranking's publication time. */
export const timelessAnswer = answerSchema.omit({ ranking: true }).strip();

export const selectionManifestSchema = z.strictObject({
  kind: z.literal('betr selection'),
  /** rows: only selection.parquet. documents: also the kept documents, in the corpus's format. */
  format: z.enum(['rows', 'documents']),
  /** The ranking that was cut. */
  generation: z.string(),
  /**
   * What is written: the cutoff's counts, without documents dropped for leaks, and with documents without a
   * score if these are kept.
   */
  documents: count,
  tokens: count,
  /**
   * How documents above the cutoff that contain benchmark test items were handled, and how many there are;
   * null if leaks were ignored.
   */
  leaks: z
    .strictObject({ handling: z.enum(leakHandling), tests: z.string(), documents: count, tokens: count })
    .nullable(),
  /**
   * The ranking's documents without a score, and whether they are written; absent if there are none. The
   * composition and the answer leave them out.
   */
  unknown: z.strictObject({ handling: z.enum(['drop', 'keep']), reasons: unknownSchema }).optional(),
  question: questionSchema,
  answer: timelessAnswer,
  settings: settingsSchema,
  /** All files beside the manifest, as paths with "/". */
  files: z.array(z.strictObject({ file: z.string(), documents: count, bytes: count, sha256: z.string() })),
  composition: z.array(sourceChangeSchema),
  /** Targets of the ranking's scorer that are test items, allowed by force; absent if there are none. */
  testTargets: testTargetsSchema.min(1).optional(),
  /**
   * For a selection by quotas: each domain's quota and contribution. The answer's cutoff then totals all
   * domains.
   */
  quotas: z.array(filledQuotaSchema).optional(),
  /** How many times to repeat the documents; absent if that was not asked for. */
  repeat: repeatSchema.optional(),
});
export type SelectionManifest = z.output<typeof selectionManifestSchema>;
export type SelectionFile = SelectionManifest['files'][number];
