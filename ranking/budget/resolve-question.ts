// Resolves a question: the model that a budget trains, the law, and the assumptions.

import { fail } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import { readLaw } from './calibrations.ts';
import { type Law, type Model, planModelFor } from './laws.ts';
import type { Question } from './question.ts';

/** A question with everything its answer needs besides a ranking. */
export interface ResolvedQuestion {
  question: Question;
  law: Law;
  /** The model in question; null if only a share or a score is requested. */
  model: Model | null;
  /** From the question, or else the settings. */
  tokensPerParam: number;
  maxEpochs: number;
  /** The ranking's scorer, if it was named. */
  scorer: string | undefined;
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
    scorer: run.scorer,
  };
}

/**
 * Tokens of the pool that the laws apply to: the ranked corpus itself, or the larger pool it is a sample of.
 */
export function checkPool(asked: number | undefined, rankedTokens: number): number {
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
