// The parameters that ask for a cutoff, shared by every route that answers one.

import { z } from 'zod';
import { parseAmount, parseBudget, parseShare } from '../../run/amounts.ts';

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
    .min(1, 'names of benchmarks with commas between them')
    .transform((text) => text.split(','))
    .optional()
    .meta({ description, examples: ['gsm8k,arc_easy'] });

/** Which benchmarks count. */
export const choiceFields = {
  benchmarks: names(
    "Rank by these benchmarks alone: a document's score is its best corpus percentile among them.",
  ),
  without: names('Rank by all benchmarks but these.'),
};

/** How a cutoff is found, whatever the budget. */
export const knobFields = {
  poolTokens: amount(
    'poolTokens',
    '1e12',
    'Tokens of the larger pool that the ranked corpus is a sample of.',
  ),
  pool: z
    .string()
    .min(1, 'the name of a law or of a calibration')
    .optional()
    .meta({
      description:
        'Whose keep-rate law: nemotron-cc, dclm-refinedweb, nemotron-cc-6.6b, or the name of a calibration.',
      examples: ['nemotron-cc'],
    }),
  tokensPerParam: amount('tokensPerParam', '20', 'Tokens per parameter of the model that is trained.'),
  maxEpochs: amount('maxEpochs', '4', 'How often a token may be seen.'),
  ...choiceFields,
};

/** Fields for a strict object: what is asked, and how it is found. */
export const questionFields = {
  budget: z
    .string()
    .transform(parseBudget)
    .optional()
    .meta({ description: 'Compute of training in FLOPs.', examples: ['1e21'] }),
  params: amount('params', '7B', 'Parameters of the model, in place of a budget or beside it.'),
  tokens: amount('tokens', '1e12', 'Tokens of training, in place of a budget or beside it.'),
  keep: z
    .string()
    .transform((text) => parseShare('keep', text))
    .optional()
    .meta({
      description: 'Share of the tokens to keep, as a fraction or in percent.',
      examples: ['0.1', '10%'],
    }),
  ...knobFields,
};
