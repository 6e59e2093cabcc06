// The settings of judges: a language model, the questions it answers about a text, and how the answers become a
// score. Presets use the same schema for their questions.

import { z } from 'zod';
import { countNumber as count, minNumber, positiveNumber } from './bounds.ts';
import { name } from './model-settings.ts';

const words = z.array(z.string().min(1).max(200)).min(1).max(500);
const share = z
  .number()
  .min(0)
  .max(1)
  .refine((value) => value === 0 || value >= minNumber, { error: `0, or at least ${minNumber}` });
const names = z.array(z.string()).min(1).max(1000);
const scaleValue = z.number().int().min(-1000).max(1000);

/** The lowest and the highest value, whose answers are the numbers themselves, or answers for each value. */
const scale = z.union(
  [
    z.tuple([scaleValue, scaleValue]).refine(([low, high]) => low < high && high - low <= 100, {
      error: 'the lowest and the highest of at most 101 values',
    }),
    z
      .record(z.string().regex(/^-?\d+(?:\.\d+)?$/, 'a number with a list of answers'), words)
      .refine((values) => Object.keys(values).length >= 2, {
        error: 'at least two values with their answers',
      }),
  ],
  {
    error:
      'the lowest and the highest value, such as [0, 5], or two or more numbers, each with a list of answers',
  },
);

export const questionSchema = z
  .strictObject({
    name,
    /** Has {text} where the text goes. */
    prompt: z.string().min(1).max(100_000),
    /** Answers that count for the text and against it. */
    for: words.optional(),
    against: words.optional(),
    /** Values to choose from, instead of answers for and against. */
    scale: scale.optional(),
    /** rating: the model writes its answer; for models without log probabilities. */
    mode: z.enum(['log probabilities', 'rating']).default('log probabilities'),
    /** Answers that a rating is the mean of. */
    samples: count.max(100).default(1),
    /** Tokens that the model may write for a rating. */
    maxTokens: count.max(4096).default(32),
    /** Whether the probabilities of an answer's spellings are added, or only the most likely one counts. */
    spelling: z.enum(['sum', 'maximum']).default('sum'),
    /** The question's weight in a geometric mean. */
    weight: positiveNumber.default(1),
    /** With less probability on the answers than this, the text has no score. */
    leastMass: share.optional(),
  })
  .refine(
    (question) =>
      question.scale === undefined
        ? question.for !== undefined && question.against !== undefined
        : question.for === undefined && question.against === undefined,
    { error: 'a question with either "for" and "against", or "scale"' },
  );
export type QuestionSettings = z.output<typeof questionSchema>;

export const judgeSchema = z
  .strictObject({
    name,
    /** A name in `models`. */
    model: z.string().min(1),
    preset: z.string().min(1).optional(),
    subject: z.string().min(1).optional(),
    questions: z.array(questionSchema).min(1).max(50).optional(),
    /** The windows of a text to judge: its beginning; its beginning, middle and end; or all. */
    windows: z.enum(['begin', 'spread', 'all']).default('begin'),
    /** Length of a window, in UTF-16 code units. */
    characters: count.min(16).max(10_000_000).default(4096),
    combine: z.enum(['product', 'minimum', 'geometric mean']).default('product'),
    /** For questions in the settings without a limit of their own, and in place of that of a preset or subject. */
    leastMass: share.optional(),
    budget: z
      .strictObject({ tokens: positiveNumber.optional(), money: positiveNumber.optional() })
      .prefault({}),
    /** What the judge should find and what not, for its exam: sources of the sample or benchmarks. */
    exam: z
      .strictObject({
        for: names.optional(),
        against: names.optional(),
        /** A file of rows with a text and a label, instead. */
        labeled: z.string().min(1).optional(),
      })
      .refine(
        ({ for: positive, against, labeled }) =>
          labeled === undefined || (positive === undefined && against === undefined),
        { error: 'an exam with either "labeled", or "for" and "against"' },
      )
      .optional(),
  })
  .refine(
    ({ preset, subject, questions }) =>
      [preset, subject, questions].filter((given) => given !== undefined).length === 1,
    { error: 'a judge with exactly one of "preset", "subject" and "questions"' },
  );
export type JudgeSettings = z.output<typeof judgeSchema>;
