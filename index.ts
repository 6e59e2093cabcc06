// The package as a library: `import { openRun, answer } from 'betr'` (docs/library.md). It answers questions
// about rankings made by the command line.

import { z } from 'zod';
import { defaultScorer, rankingRun } from './scoring/scorers/list.ts';
import { BetrError, fail } from './run/errors/errors.ts';
import { allowedBy, describeIssues } from './run/issues.ts';
import { openRun as openSettings, type Run as RunFiles } from './run/run.ts';
import { answerWithCutoff, sourceOf } from './ranking/budget/answer.ts';
import { type Answer, type Question, questionSchema } from './ranking/budget/question.ts';
import { compareBudgets, type Comparison } from './ranking/budget/compare-budgets.ts';
import { listDocuments, orders } from './ranking/list-documents.ts';
import { type Page } from './ranking/document-page.ts';
import { type Ranking, readRanking } from './ranking/generation.ts';

export { type Answer, BetrError, type Comparison, type Page, type Question };

/** An open run, to pass to the functions below. */
export interface Run {
  /** Absolute path of the run folder. */
  readonly folder: string;
  /** The scorer of the ranking that is used: "betr" or another one. */
  readonly scorer: string;
}

const opened = new WeakMap<Run, RunFiles>();

const pathSchema = z.string().min(1);
const openingSchema = z.strictObject({ scorer: z.string().default(defaultScorer) });

/**
 * Opens a run that has a ranking. `path` is its settings file, the folder of that file, or the run folder;
 * `scorer` selects the ranking of another scorer. Errors: SETTINGS_NOT_FOUND, SETTINGS_INVALID,
 * SCORER_UNKNOWN, STEP_MISSING, USAGE, FILE_DAMAGED, FILE_UNREADABLE.
 */
export async function openRun(path: string, options: { scorer?: string } = {}): Promise<Run> {
  const { scorer } = check(openingSchema, options);
  const files = rankingRun(await openSettings(check(pathSchema, path)), scorer);
  await readRanking(files);
  const run: Run = Object.freeze({ folder: files.folder, scorer });
  opened.set(run, files);
  return run;
}

/**
 * How much of the corpus to keep, the cutoff in the ranking, and why: the answer of `GET /rank` and `betr
 * cutoff --json`. Pass plain numbers (`budget: 1e21` FLOPs, `keep: 0.1` of the tokens). Reads the newest
 * ranking each time. Errors: USAGE, OPTION_INVALID, BUDGET_INVALID, BENCHMARK_UNKNOWN, FILE_DAMAGED,
 * FILE_UNREADABLE.
 */
export async function answer(run: Run, question: Question): Promise<Answer> {
  const { files, ranking } = await readNewest(run);
  return (await answerWithCutoff(files, ranking, check(questionSchema, question))).answer;
}

const sizesSchema = z.strictObject({
  budgets: questionSchema.shape.budget.unwrap().array().optional(),
  params: questionSchema.shape.params.unwrap().array().optional(),
});

/**
 * Compares budgets (FLOPs) and model sizes (parameters): the answer of `GET /compare`. `question` controls
 * how the cutoffs are found. Errors: as `answer`.
 */
export async function compare(
  run: Run,
  sizes: { budgets?: number[]; params?: number[] },
  question: Question = {},
): Promise<Comparison> {
  const { files, ranking } = await readNewest(run);
  return compareBudgets(
    files,
    sourceOf(files, ranking),
    check(sizesSchema, sizes),
    check(questionSchema, question),
  );
}

const listingSchema = z.strictObject({
  order: z.enum(orders).default('top'),
  /** Seed of the random order. */
  seed: z
    .number()
    .int()
    .min(0)
    .max(2 ** 32 - 1)
    .default(1),
  /** Orders by the score of this benchmark. */
  benchmark: z.string().optional(),
  source: z.string().optional(),
  limit: z.number().int().min(1).max(10_000).default(20),
  /** The `next` of the previous page. */
  cursor: z.string().optional(),
});
export type Listing = z.input<typeof listingSchema>;

/**
 * A page of the ranked documents, without their texts: shard, row, score, source, tokens. Errors:
 * OPTION_INVALID, CURSOR_STALE, FILE_DAMAGED, FILE_UNREADABLE.
 */
export async function documents(run: Run, listing: Listing = {}): Promise<Page> {
  const { files, ranking } = await readNewest(run);
  const { benchmark, source, cursor, ...rest } = check(listingSchema, listing);
  return listDocuments(files, ranking, {
    ...rest,
    ...(benchmark === undefined ? {} : { benchmark }),
    ...(source === undefined ? {} : { source }),
    ...(cursor === undefined ? {} : { cursor }),
  });
}

async function readNewest(run: Run): Promise<{ files: RunFiles; ranking: Ranking }> {
  const files = opened.get(run);
  if (files === undefined) throw fail('USAGE', { problem: 'The run must come from openRun.' });
  return { files, ranking: await readRanking(files) };
}

/** Validates an argument, because callers may be plain JavaScript. */
function check<T>(schema: z.ZodType<T>, value: unknown): T {
  const parsed = schema.safeParse(value, { error: allowedBy });
  if (parsed.success) return parsed.data;
  throw fail('USAGE', {
    problem: `${describeIssues(parsed.error.issues, value, 'The argument').join('; ')}.`,
  });
}
