// The options that ask for a cutoff, shared by the commands that answer for a budget.

import type { Command } from 'commander';
import { fail } from '../run/errors/errors.ts';
import { parseAmount, parseBudget, parseScore, parseShare } from '../run/amounts.ts';
import { asksForCutoff, type Question } from '../ranking/budget/question.ts';

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
  return knobOptions(
    command
      .option('--budget <flops>', 'training compute in FLOPs, such as 1e21')
      .option('--params <count>', 'model size, instead of a budget, such as 7e9 or 7B')
      .option('--tokens <count>', 'training tokens, instead of a budget or together with --params')
      .option('--keep <share>', 'share of the tokens to keep, instead of a budget, such as 0.1')
      .option('--score <score>', 'lowest score to keep, instead of a budget or a share, such as 0.6'),
  );
}

export type KnobOptions = Omit<QuestionOptions, 'budget' | 'params' | 'tokens' | 'keep' | 'score'>;

/** Adds the options that determine a cutoff regardless of the budget. */
export function knobOptions(command: Command): Command {
  return command
    .option('--pool-tokens <count>', 'treat the ranked corpus as a sample of a pool of this many tokens')
    .option(
      '--pool <name>',
      'keep-rate law: nemotron-cc, dclm-refinedweb, nemotron-cc-6.6b, or the name of a calibration',
    )
    .option('--tokens-per-param <ratio>', 'training tokens per model parameter')
    .option('--max-epochs <count>', 'how many times a token may be seen')
    .option('--benchmarks <names>', 'rank by these benchmarks only (separated by commas)')
    .option('--without <names>', 'rank by all benchmarks except these (separated by commas)');
}

/**
 * Reads the options as a question. Errors: USAGE if a cutoff is required and none is requested,
 * BUDGET_INVALID, OPTION_INVALID.
 */
export function readQuestion(options: QuestionOptions, { cutoff } = { cutoff: true }): Question {
  const { budget, params, tokens, keep, score } = options;
  const question: Question = dropUndefined({
    budget: budget === undefined ? undefined : parseBudget(budget),
    params: amount('--params', params),
    tokens: amount('--tokens', tokens),
    keep: keep === undefined ? undefined : parseShare('--keep', keep),
    score: score === undefined ? undefined : parseScore('--score', score),
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
export function readKnobs({ pool, benchmarks, without, ...options }: KnobOptions): Question {
  return dropUndefined({
    poolTokens: amount('--pool-tokens', options.poolTokens),
    pool,
    tokensPerParam: amount('--tokens-per-param', options.tokensPerParam, '20'),
    maxEpochs: amount('--max-epochs', options.maxEpochs, '4'),
    benchmarks: benchmarks?.split(','),
    without: without?.split(','),
  });
}

function amount(option: string, text: string | undefined, example?: string): number | undefined {
  return text === undefined ? undefined : parseAmount(option, text, example);
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
