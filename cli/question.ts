// The options that ask for a cutoff, shared by the commands that answer for a budget.

import type { Command } from 'commander';
import { fail } from '../run/errors/errors.ts';
import { asksForCutoff, type Question } from '../ranking/budget/question.ts';
import { type Parameter, questionParameters } from '../ranking/budget/question-parameters.ts';

export interface QuestionOptions {
  budget?: string;
  params?: string;
  tokens?: string;
  keep?: string;
  score?: string;
  poolTokens?: string;
  pool?: string;
  tokensPerParam?: string;
  maxEpochs?: string;
  benchmarks?: string;
  without?: string;
}

/** Adds the options to a command. */
export function questionOptions(command: Command): Command {
  const { budget, params, tokens, keep, score } = questionParameters;
  return knobOptions(
    command
      .option('--budget <flops>', describe(budget))
      .option('--params <count>', describe(params))
      .option('--tokens <count>', describe(tokens))
      .option('--keep <share>', describe(keep))
      .option('--score <score>', describe(score)),
  );
}

export type KnobOptions = Omit<QuestionOptions, 'budget' | 'params' | 'tokens' | 'keep' | 'score'>;

/** Adds the options that determine a cutoff regardless of the budget. */
export function knobOptions(command: Command): Command {
  const { poolTokens, pool, tokensPerParam, maxEpochs, benchmarks, without } = questionParameters;
  return command
    .option('--pool-tokens <count>', describe(poolTokens))
    .option('--pool <name>', pool.means)
    .option('--tokens-per-param <ratio>', describe(tokensPerParam))
    .option('--max-epochs <count>', describe(maxEpochs))
    .option('--benchmarks <names>', describe(benchmarks))
    .option('--without <names>', describe(without));
}

function describe({ means, example }: Parameter<unknown>): string {
  return `${means} (for example ${example})`;
}

/**
 * Reads the options as a question. Errors: USAGE if a cutoff is required and none is requested,
 * BUDGET_INVALID, OPTION_INVALID.
 */
export function readQuestion(options: QuestionOptions, { cutoff } = { cutoff: true }): Question {
  const { budget, params, tokens, keep, score } = questionParameters;
  const question: Question = dropUndefined({
    budget: read('--budget', options.budget, budget),
    params: read('--params', options.params, params),
    tokens: read('--tokens', options.tokens, tokens),
    keep: read('--keep', options.keep, keep),
    score: read('--score', options.score, score),
    ...readKnobs(options),
  });
  if (cutoff && !asksForCutoff(question))
    throw fail('USAGE', {
      problem:
        'Give a --budget in FLOPs (such as 1e21), --params and/or --tokens, a share with --keep (such as 0.1), ' +
        'or a --score (such as 0.6).',
    });
  return question;
}

/** Reads the options of `knobOptions` as a question without a budget. Errors: OPTION_INVALID. */
export function readKnobs(options: KnobOptions): Question {
  const { poolTokens, pool, tokensPerParam, maxEpochs, benchmarks, without } = questionParameters;
  return dropUndefined({
    poolTokens: read('--pool-tokens', options.poolTokens, poolTokens),
    pool: read('--pool', options.pool, pool),
    tokensPerParam: read('--tokens-per-param', options.tokensPerParam, tokensPerParam),
    maxEpochs: read('--max-epochs', options.maxEpochs, maxEpochs),
    benchmarks: read('--benchmarks', options.benchmarks, benchmarks),
    without: read('--without', options.without, without),
  });
}

function read<T>(option: string, text: string | undefined, parameter: Parameter<T>): T | undefined {
  return text === undefined ? undefined : parameter.read(option, text);
}

type Defined<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function dropUndefined<T extends object>(value: T): Defined<T> {
  const result: Defined<T> = {};
  for (const key in value) {
    const inner = value[key];
    if (isDefined(inner)) result[key] = inner;
  }
  return result;
}

function isDefined<V>(value: V): value is Exclude<V, undefined> {
  return value !== undefined;
}
