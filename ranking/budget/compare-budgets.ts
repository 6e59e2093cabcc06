// Compares budgets side by side, always with a line for no filter: what each keeps, what changes from one to
// the next, and what the paper's own models would achieve. One pass over the scores counts all of it exactly.

import { z } from 'zod';
import { count } from '../../run/schemas.ts';
import { fail } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import { formatAmount, formatFlops } from '../../run/amounts.ts';
import type { Cutoff } from '../cutoff.ts';
import type { ChosenScores } from '../generation.ts';
import { coreAccuracy, testedRates } from './paper-fits.ts';
import type { RankingSource } from './answer.ts';
import { type Answer, answerSchema, type Question } from './question.ts';
import { countBands, describeStep } from './comparison-steps.ts';

const mostLines = 20;
/** Documents and tokens. */
const amount = z.strictObject({ documents: count, tokens: count });
export type Amount = z.output<typeof amount>;
const change = { added: amount, removed: amount };

const lineSchema = z.strictObject({
  ...answerSchema.pick({ keep: true, cutoff: true, model: true, repetition: true, law: true, flags: true })
    .shape,
  /** "no filter", or the requested budget in FLOPs or parameters. */
  name: z.string(),
  /**
   * Mean accuracy (0–1) over the paper's ten Core tasks of its own compute-optimal models at this budget, by
   * share kept of its own pool; null outside the range of its fits.
   */
  paperAccuracy: z.array(z.strictObject({ keep: z.number(), accuracy: z.number() })).nullable(),
});

export const comparisonSchema = z.strictObject({
  ranking: z.strictObject({ generation: z.string(), publishedAt: z.string() }),
  benchmarks: z.array(z.string()).optional(),
  /** By budget, smallest first; no filter at the end. */
  lines: z.array(lineSchema),
  /** From each line to the next. */
  steps: z.array(
    z.strictObject({
      from: z.string(),
      to: z.string(),
      /** Tokens that both keep, over tokens that either keeps; null if neither keeps any. */
      jaccard: z.number().nullable(),
      ...change,
      sources: z.array(z.strictObject({ source: z.string(), ...change })),
      /** By the benchmark for which a document has its best corpus percentile. */
      benchmarks: z.array(z.strictObject({ benchmark: z.string(), ...change })),
    }),
  ),
  /** Explains the accuracies. */
  paper: z.string(),
});
export type Comparison = z.output<typeof comparisonSchema>;
export type Line = Comparison['lines'][number];

/** Budgets for which the paper's fits are shown: from the smallest fitted one to the largest in its table. */
const paperFlops = { from: 6e18, to: 1e24 };
const paperNote =
  'paperAccuracy is the mean accuracy over the ten Core tasks that the fits of arXiv 2507.12466 (Tables ' +
  "12 and 13) predict for the paper's own compute-optimal models on its own pool, Nemotron-CC, " +
  'at 3, 10, 30 and 100% kept; beyond 1e22 FLOPs it is extrapolated. It says nothing about ' +
  'your models and your pool.';

/**
 * Compares budgets and model sizes that share the rest of a question. A budget that equals that of a model
 * size (to three digits) has no line of its own. Errors: USAGE, those of `answerBudget` and `withScores`.
 */
export async function compareBudgets(
  run: Run,
  source: RankingSource,
  sizes: { budgets?: number[] | undefined; params?: number[] | undefined },
  question: Question,
): Promise<Comparison> {
  const asked = [
    ...(sizes.budgets ?? []).map((budget) => ({ budget })),
    ...(sizes.params ?? []).map((params) => ({ params })),
  ];
  if (asked.length === 0)
    throw fail('USAGE', {
      problem: 'Give budgets (1e19,1e20,1e21), model sizes (0.4B,1B,7B) or both to compare.',
    });
  if (asked.length > mostLines)
    throw fail('USAGE', {
      problem: `Got ${asked.length} budgets; at most ${mostLines} can be compared at once.`,
    });
  const all: { name: string; isSize: boolean; answer: Answer; cutoff: Cutoff }[] = [];
  for (const size of asked)
    all.push({
      name:
        'budget' in size ? `${formatFlops(size.budget)} FLOPs` : `${formatAmount(size.params)} parameters`,
      isSize: 'params' in size,
      ...(await source.answerWithCutoff({ ...question, ...size })),
    });
  const flopsOfSizes = new Set(all.filter(({ isSize }) => isSize).map(nameFlops));
  const answers = all.filter((one) => one.isSize || !flopsOfSizes.has(nameFlops(one)));
  answers.sort((a, b) => (a.answer.model?.flops ?? 0) - (b.answer.model?.flops ?? 0));
  const { benchmarks, without, poolTokens } = question;
  const noFilter = await source.answerWithCutoff({
    keep: 1,
    ...(benchmarks === undefined ? {} : { benchmarks }),
    ...(without === undefined ? {} : { without }),
    ...(poolTokens === undefined ? {} : { poolTokens }),
  });
  const lines = [
    ...answers.map(({ name, answer }) => describeLine(name, answer)),
    describeLine('no filter', noFilter.answer),
  ];
  const retargeted = await source.retarget(question);
  const winners = retargeted.chosen ?? (await findWinners(source));
  const bands = await countBands(
    run,
    retargeted,
    winners,
    answers.map(({ cutoff }) => cutoff),
  );
  return {
    ranking: { generation: source.ranking.generation, publishedAt: source.ranking.publishedAt },
    ...(retargeted.chosen === undefined ? {} : { benchmarks: retargeted.chosen.benchmarks }),
    lines,
    steps: lines.slice(1).map((line, i) => describeStep(lines[i] ?? line, line, i, bands, winners)),
    paper: paperNote,
  };
}

/** FLOPs to three digits. */
function nameFlops({ answer }: { answer: Answer }): string {
  return formatFlops(answer.model?.flops ?? 0);
}

function describeLine(name: string, { keep, cutoff, model, repetition, law, flags }: Answer): Line {
  const flops = model?.flops ?? 0;
  const paperAccuracy =
    flops >= paperFlops.from && flops <= paperFlops.to
      ? testedRates.map((rate) => ({ keep: rate, accuracy: coreAccuracy(rate, flops) }))
      : null;
  return { name, keep, cutoff, model, repetition, law, flags, paperAccuracy };
}

/** Scores with every document's best benchmark; undefined if no benchmark has its own score. */
async function findWinners(source: RankingSource): Promise<ChosenScores | undefined> {
  const benchmarks = source.ranking.scorer.outputs.slice(1);
  return benchmarks.length === 0 ? undefined : (await source.retarget({ benchmarks })).chosen;
}
