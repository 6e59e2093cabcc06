// How a question is written: its parameters as the options of commands and the parameters of routes.

import { parseAmount, parseBudget, parseScore, parseShare } from '../../run/amounts.ts';
import type { Question } from './question.ts';

export interface Parameter<T> {
  /** What it means, without a capital letter and a full stop. */
  means: string;
  example: string;
  /** Reads a value. Errors: BUDGET_INVALID or OPTION_INVALID, with the parameter's name. */
  read: (name: string, text: string) => T;
}

const amount = (means: string, example: string): Parameter<number> => ({
  means,
  example,
  read: (name, text) => parseAmount(name, text, example),
});
const benchmarks = (means: string): Parameter<string[]> => ({
  means,
  example: 'gsm8k,arc_easy',
  read: (_name, text) => text.split(','),
});

export const questionParameters = {
  budget: {
    means: 'training compute in FLOPs',
    example: '1e21',
    read: (_name: string, text: string) => parseBudget(text),
  },
  params: amount('model parameters, instead of or together with a budget', '7B'),
  tokens: amount('training tokens, instead of or together with a budget', '1e12'),
  keep: {
    means: 'share of the tokens to keep, as a fraction or a percentage, instead of a budget',
    example: '0.1',
    read: parseShare,
  },
  score: {
    means:
      'lowest score to keep, compared as a float32, instead of a budget or a share; with benchmarks, a ' +
      'percentile from 0 to 1',
    example: '0.6',
    read: parseScore,
  },
  poolTokens: amount('treat the ranked corpus as a sample of a pool of this many tokens', '1e12'),
  pool: {
    means: 'keep-rate law: nemotron-cc, dclm-refinedweb, nemotron-cc-6.6b, or the name of a calibration',
    example: 'nemotron-cc',
    read: (_name: string, text: string) => text,
  },
  tokensPerParam: amount('training tokens per model parameter', '20'),
  maxEpochs: amount('how many times a token may be seen', '4'),
  benchmarks: benchmarks(
    "rank by these benchmarks only: a document's score is its best corpus percentile among them",
  ),
  without: benchmarks('rank by all benchmarks except these'),
} satisfies { [Name in keyof Question]-?: Parameter<NonNullable<Question[Name]>> };
