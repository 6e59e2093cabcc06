// The options that ask for a cutoff, shared by `cutoff` and `select`, and what they mean.

import type { Command } from 'commander';
import { fail } from '../run/errors/errors.ts';
import { parseAmount, parseBudget, parseShare } from '../run/amounts.ts';
import type { Question } from '../ranking/budget/question.ts';

export interface QuestionOptions {
  budget?: string;
  params?: string;
  tokens?: string;
  keep?: string;
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
      .option('--params <count>', 'model size in place of a budget, such as 7e9 or 7B')
      .option('--tokens <count>', 'training tokens in place of a budget, or beside --params')
      .option('--keep <share>', 'ask for a share of the tokens directly, such as 0.1'),
  );
}

export type KnobOptions = Omit<QuestionOptions, 'budget' | 'params' | 'tokens' | 'keep'>;

/** Adds the options that say how a cutoff is found, whatever the budget. */
export function knobOptions(command: Command): Command {
  return command
    .option('--pool-tokens <count>', 'the ranked corpus is a sample of a pool of this many tokens')
    .option(
      '--pool <name>',
      'whose keep-rate law: nemotron-cc, dclm-refinedweb, nemotron-cc-6.6b, or the name of a calibration',
    )
    .option('--tokens-per-param <ratio>', 'tokens per parameter of the model that is trained')
    .option('--max-epochs <count>', 'how often a token may be seen')
    .option('--benchmarks <names>', 'rank by these benchmarks alone, separated by commas')
    .option('--without <names>', 'rank by all benchmarks but these');
}

/**
 * Reads the options as a question. Errors: USAGE when no cutoff is asked for and one is needed,
 * BUDGET_INVALID, OPTION_INVALID.
 */
export function readQuestion(options: QuestionOptions, { cutoff } = { cutoff: true }): Question {
  const { budget, params, tokens, keep } = options;
  if (cutoff && budget === undefined && params === undefined && tokens === undefined && keep === undefined) {
    throw fail('USAGE', {
      problem:
        'Ask for a --budget in FLOPs (1e21), for --params and/or --tokens, or for a share with --keep 0.1.',
    });
  }
  return dropUndefined({
    budget: budget === undefined ? undefined : parseBudget(budget),
    params: amount('--params', params),
    tokens: amount('--tokens', tokens),
    keep: keep === undefined ? undefined : parseShare('--keep', keep),
    ...readKnobs(options),
  });
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
