// Answers a budget: how much of the ranked corpus to keep, the score to cut at, and every assumption made.

import { fail } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import type { Cutoff } from '../cutoff.ts';
import { type CutPoint, findCutoffAt } from '../score-cutoffs.ts';
import type { Ranking } from '../generation.ts';
import {
  budgetsFor,
  floorRate,
  isByBudget,
  type KeepRate,
  keepRate,
  type Law,
  lawRate,
  type Model,
} from './laws.ts';
import { countRepetition } from './repetition.ts';
import { type Choice, retargetRanking } from '../order/retarget.ts';
import { listCaveats } from './caveats.ts';
import { summarize } from './summary.ts';
import type { Answer, Question } from './question.ts';
import { findFlags } from './flags.ts';
import { type ResolvedQuestion, resolveQuestion, checkPool } from './resolve-question.ts';

/**
 * Answers a question about a ranking. Errors: BUDGET_INVALID, OPTION_INVALID, USAGE, and those of
 * `retargetRanking` and `findCutoffAt`.
 */
export async function answerBudget(run: Run, ranking: Ranking, question: Question): Promise<Answer> {
  return (await answerWithCutoff(run, ranking, question)).answer;
}

/**
 * `answerBudget` plus what a selection needs: the full cutoff, and the ranking it cuts (a retargeted one if
 * benchmarks were chosen).
 */
export async function answerWithCutoff(
  run: Run,
  ranking: Ranking,
  question: Question,
): Promise<{ answer: Answer; cutoff: Cutoff; ranking: Ranking }> {
  const resolved = await resolveQuestion(run, question);
  const retargeted = await retargetRanking(run, ranking, question);
  const found = await cutRanking(resolved, retargeted, (point) => findCutoffAt(run, retargeted, point));
  return { ...found, ranking: retargeted };
}

/** Where answers come from: a ranking in memory, or one read from its files for every question. */
export interface RankingSource {
  /** As published. */
  ranking: Ranking;
  /** The answer, and the cutoff as SQL needs it. Errors: those of `answerBudget`. */
  answerWithCutoff(question: Question): Promise<{ answer: Answer; cutoff: Cutoff }>;
  /** The ranking by the benchmarks of a question, for SQL. Errors: those of `retargetRanking`. */
  retarget(choice: Choice): Promise<Ranking>;
}

/** A source that reads the ranking's files, as commands do. */
export function sourceOf(run: Run, ranking: Ranking): RankingSource {
  return {
    ranking,
    answerWithCutoff: (question) => answerWithCutoff(run, ranking, question),
    retarget: (choice) => retargetRanking(run, ranking, choice),
  };
}

/**
 * A cutoff whose last document is identified by its keys or by its position; null if the cut does not fall
 * among equal scores.
 */
export type AnyCutoff = Omit<Cutoff, 'last'> & { last: unknown };

/**
 * Answers a question by cutting a ranking, already retargeted to the question's benchmarks; `cut` finds the
 * cutoff at a share or a score. Errors: OPTION_INVALID, and those of `cut`.
 */
export async function cutRanking<C extends AnyCutoff>(
  resolved: ResolvedQuestion,
  ranking: Ranking,
  cut: (point: CutPoint) => C | Promise<C>,
): Promise<{ answer: Answer; cutoff: C }> {
  const { question, law, model, tokensPerParam, maxEpochs, scorer } = resolved;
  const poolTokens = checkPool(question.poolTokens, ranking.tokens);
  const { keep, cutoff } = await decideCut(resolved, poolTokens, cut);
  const answer = {
    keep,
    cutoff: {
      score: cutoff.score,
      documents: cutoff.documents,
      tokens: cutoff.tokens,
      ofDocuments: cutoff.ofDocuments,
      ofTokens: cutoff.ofTokens,
    },
    model,
    repetition:
      model === null || poolTokens === 0 ? null : countRepetition(model.tokens, keep.rate, poolTokens),
    law: isByBudget(keep) ? { name: law.name, formula: law.formula } : null,
    ...(!isByBudget(keep) && keep.rate > 0 && poolTokens > 0
      ? { suits: { law: law.name, ...budgetsFor(keep.rate, law, poolTokens, { tokensPerParam, maxEpochs }) } }
      : {}),
    flags: findFlags({ keep, model, law, poolTokens, maxEpochs }, ranking, cutoff),
    ranking: { generation: ranking.generation, publishedAt: ranking.publishedAt },
    ...(ranking.chosen === undefined ? {} : { benchmarks: ranking.chosen.benchmarks }),
    ...(question.poolTokens === undefined
      ? {}
      : { pool: { tokens: poolTokens, kept: keep.rate * poolTokens } }),
  };
  const assumptions = { law, maxEpochs, scorer };
  const caveats = listCaveats(answer, assumptions);
  return { answer: { ...answer, caveats, summary: summarize(answer, assumptions) }, cutoff };
}

/** The rate and its cutoff. For a requested score, the rate is what the cutoff keeps. */
async function decideCut<C extends AnyCutoff>(
  { question, law, model, maxEpochs }: ResolvedQuestion,
  poolTokens: number,
  cut: (point: CutPoint) => C | Promise<C>,
): Promise<{ keep: KeepRate; cutoff: C }> {
  const { score } = question;
  if (score === undefined) {
    const keep = findRate(question.keep, model, law, poolTokens, maxEpochs);
    return { keep, cutoff: await cut({ share: keep.rate }) };
  }
  const cutoff = await cut({ score });
  const rate = cutoff.tokens / Math.max(1, cutoff.ofTokens);
  return { keep: { rate, low: rate, high: rate, setBy: 'score', score }, cutoff };
}

function findRate(
  asked: number | undefined,
  model: Model | null,
  law: Law,
  poolTokens: number,
  maxEpochs: number,
): KeepRate {
  if (asked !== undefined && !(asked > 0 && asked <= 1))
    throw fail('OPTION_INVALID', {
      option: 'keep',
      got: String(asked),
      allowed: 'a share above 0 and at most 1, such as 0.1 or 10%',
    });
  if (asked !== undefined || model === null)
    return { rate: asked ?? 1, low: asked ?? 1, high: asked ?? 1, setBy: 'keep' };
  return keepRate(lawRate(law, model), floorRate(model.tokens, poolTokens, maxEpochs));
}
