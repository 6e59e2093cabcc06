// The result of a judge's exam, as printed with --json and kept in exams/ of the run folder.

import { z } from 'zod';
import { intervalSchema } from '../../data/statistics.ts';

const count = z.number().int().nonnegative();
const estimate = intervalSchema.nullable();

const sideSchema = z.strictObject({
  /** What the texts are. */
  what: z.string(),
  texts: count,
  /** Texts without a score, by reason. */
  unknown: z.record(z.string(), count),
});
export type ExamSideResult = z.output<typeof sideSchema>;

export const examPartSchema = z.strictObject({
  /** What the part can show: that the judge knows a topic, or that it sees quality where the topic is the same. */
  tests: z.enum(['topic', 'quality within a source']),
  name: z.string(),
  for: sideSchema,
  against: sideSchema,
  /**
   * Topic: the area under the ROC curve. Quality: the share of the texts with a higher score than their own copy,
   * where ties count half.
   */
  measure: z.enum(['area under the curve', 'preferred to the copy']),
  /** With the 95% interval; null if a side has no score, or no text and its copy both have one. */
  estimate,
  questions: z.array(
    z.strictObject({
      name: z.string(),
      estimate,
      /** The median probability of the answers. */
      mass: z.number().nullable(),
      /** Share of the texts without a score. */
      unknown: z.number(),
      /** Rank correlation of the scores by all spellings and by the most likely one; null if it does not exist. */
      spellings: z.number().nullable(),
    }),
  ),
});
export type ExamPart = z.output<typeof examPartSchema>;

const amountSchema = z.strictObject({
  documents: count,
  seconds: z.number(),
  tokens: z.number(),
  /** Null without a price. */
  money: z.number().nullable(),
});
export type Amount = z.output<typeof amountSchema>;

export const speedSchema = z.strictObject({
  /** Texts that were measured: those that were not judged before. */
  documents: count,
  documentsPerSecond: z.number(),
  tokensPerSecond: z.number(),
  tokensPerDocument: z.number(),
  /** Whether these were documents of the corpus. Benchmark examples are usually shorter. */
  ofCorpus: z.boolean(),
});
export type Speed = z.output<typeof speedSchema>;

export const verdicts = ['passed', 'inverted', 'too weak', 'too few scores'] as const;

export const examSchema = z.strictObject({
  version: z.literal(2),
  judge: z.strictObject({
    name: z.string(),
    kind: z.string(),
    fingerprint: z.string(),
    model: z.string(),
    modelFingerprint: z.string(),
  }),
  /** By the part about topic. */
  verdict: z.enum(verdicts),
  /** The lowest acceptable end of the interval. */
  leastArea: z.number(),
  /** The highest acceptable share of texts without a score, on either side. */
  mostUnknown: z.number(),
  interval: z.string(),
  parts: z.array(examPartSchema).min(1),
  /** Null if every text was judged before. */
  speed: speedSchema.nullable(),
  /** What judging costs; null without a sample or a speed. */
  cost: z.strictObject({ sample: amountSchema, corpus: amountSchema }).nullable(),
  notes: z.array(z.string()),
});
export type Exam = z.output<typeof examSchema>;
