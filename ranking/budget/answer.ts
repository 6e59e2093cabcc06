// Answers a budget: how much of the ranked corpus to keep, the score to cut at, and every assumption made.

import { fail } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import { readLaw } from './calibrations.ts';
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
  planModelFor,
} from './laws.ts';
import { countRepetition } from './repetition.ts';
import { type Choice, retargetRanking } from '../order/retarget.ts';
import { listCaveats } from './caveats.ts';
import { summarize } from './summary.ts';
import type { Answer, Question } from './question.ts';
import { findFlags } from './flags.ts';

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

/** A question with everything its answer needs besides a ranking. */
export interface ResolvedQuestion {
  question: Question;
  law: Law;
  /** The model in question; null if only a share or a score is requested. */
  model: Model | null;
  /** From the question, or else the settings. */
  tokensPerParam: number;
  maxEpochs: number;
}

/**
 * Finds the law and the model of a question, before any costly work. Errors: BUDGET_INVALID, USAGE, and those
 * of `readLaw`.
 */
export async function resolveQuestion(run: Run, question: Question): Promise<ResolvedQuestion> {
  const { keep } = run.settings;
  const law = await readLaw(run, question.pool ?? keep.pool);
  const tokensPerParam = question.tokensPerParam ?? keep.tokensPerParam;
  return {
    question,
    law,
    model: findModel(question, tokensPerParam, law),
    tokensPerParam,
    maxEpochs: question.maxEpochs ?? keep.maxEpochs,
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
  const { question, law, model, tokensPerParam, maxEpochs } = resolved;
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
  const assumptions = { law, maxEpochs };
  const caveats = listCaveats(answer, assumptions);
  return { answer: { ...answer, caveats, summary: summarize(answer, assumptions) }, cutoff };
}

/**
 * Tokens of the pool that the laws apply to: the ranked corpus itself, or the larger pool it is a sample of.
 */
function checkPool(asked: number | undefined, rankedTokens: number): number {
  if (asked !== undefined && !(asked >= rankedTokens && asked < Infinity)) {
    throw fail('OPTION_INVALID', {
      option: 'poolTokens',
      got: String(asked),
      allowed: `at least the ${rankedTokens} tokens of the ranked corpus, which is a sample of the pool`,
    });
  }
  return asked ?? rankedTokens;
}

function findModel(
  { budget, params, tokens, keep, score }: Question,
  tokensPerParam: number,
  law: Pick<Law, 'params'>,
): Model | null {
  const given = [budget, params, tokens].filter((value) => value !== undefined);
  if (score !== undefined && (given.length > 0 || keep !== undefined))
    throw fail('USAGE', {
      problem: 'A score sets the cutoff alone: give no budget, model size, tokens or share beside it.',
    });
  if (given.length === 0 && (keep !== undefined || score !== undefined)) return null;
  if (given.length === 0 || given.length > 2)
    throw fail('USAGE', {
      problem:
        'Give one or two of FLOPs, parameters and tokens (the third follows from C = 6·N·D), ' +
        'a share to keep, or a score.',
    });
  const model = planModelFor(
    law,
    {
      ...(budget === undefined ? {} : { flops: budget }),
      ...(params === undefined ? {} : { params }),
      ...(tokens === undefined ? {} : { tokens }),
    },
    tokensPerParam,
  );
  if (!Object.values(model).every((value: number) => value > 0 && value < Infinity))
    throw fail('BUDGET_INVALID', { got: given.join(', ') });
  return model;
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
