// The parameters that ask for a cutoff, shared by all routes that answer one.

import { z } from 'zod';
import { parseAmount, parseBudget, parseScore, parseShare } from '../../run/amounts.ts';

const amount = (
  name: string,
  example: string,
  description: string,
): z.ZodType<number | undefined, string | undefined> =>
  z
    .string()
    .transform((text) => parseAmount(name, text, example))
    .optional()
    .meta({ description, examples: [example] });

const names = (description: string): z.ZodType<string[] | undefined, string | undefined> =>
  z
    .string()
    .min(1, 'names of benchmarks, separated by commas')
    .transform((text) => text.split(','))
    .optional()
    .meta({ description, examples: ['gsm8k,arc_easy'] });

/** Which benchmarks to rank by. */
export const choiceFields = {
  benchmarks: names(
    "Rank by these benchmarks only: a document's score is its best corpus percentile among them.",
  ),
  without: names('Rank by all benchmarks except these.'),
};

/** The parameters of a cutoff besides the budget. */
export const knobFields = {
  poolTokens: amount(
    'poolTokens',
    '1e12',
    'Treat the ranked corpus as a sample of a pool of this many tokens.',
  ),
  pool: z
    .string()
    .min(1, 'the name of a law or of a calibration')
    .optional()
    .meta({
      description:
        'Keep-rate law: nemotron-cc, dclm-refinedweb, nemotron-cc-6.6b, or the name of a calibration.',
      examples: ['nemotron-cc'],
    }),
  tokensPerParam: amount('tokensPerParam', '20', 'Training tokens per model parameter.'),
  maxEpochs: amount('maxEpochs', '4', 'How many times a token may be seen.'),
  ...choiceFields,
};

/** Fields for a strict object: the budget and the parameters of its cutoff. */
export const questionFields = {
  budget: z
    .string()
    .transform(parseBudget)
    .optional()
    .meta({ description: 'Training compute in FLOPs.', examples: ['1e21'] }),
  params: amount('params', '7B', 'Model parameters, instead of or together with a budget.'),
  tokens: amount('tokens', '1e12', 'Training tokens, instead of or together with a budget.'),
  keep: z
    .string()
    .transform((text) => parseShare('keep', text))
    .optional()
    .meta({
      description: 'Share of the tokens to keep, as a fraction or a percentage.',
      examples: ['0.1', '10%'],
    }),
  score: z
    .string()
    .transform((text) => parseScore('score', text))
    .optional()
    .meta({
      description:
        'Lowest score to keep, compared as a float32, instead of a budget or a share. With benchmarks, a ' +
        'percentile from 0 to 1.',
      examples: ['0.6'],
    }),
  ...knobFields,
};
