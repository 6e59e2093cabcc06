// The parameters that ask for a cutoff, shared by all routes that answer one.

import { z } from 'zod';
import { type Parameter, questionParameters } from '../../ranking/budget/question-parameters.ts';

type Field<T> = z.ZodType<T | undefined, string | undefined>;

function field<T>(name: string, { means, example, read }: Parameter<T>, text = z.string()): Field<T> {
  return text
    .transform((value) => read(name, value))
    .optional()
    .meta({ description: `${means.charAt(0).toUpperCase()}${means.slice(1)}.`, examples: [example] });
}

const { budget, params, tokens, keep, score, ...knobs } = questionParameters;
const names = z.string().min(1, 'names of benchmarks, separated by commas');

/** Which benchmarks to rank by. */
export const choiceFields = {
  benchmarks: field('benchmarks', knobs.benchmarks, names),
  without: field('without', knobs.without, names),
};

/** The parameters of a cutoff besides the budget. */
export const knobFields = {
  poolTokens: field('poolTokens', knobs.poolTokens),
  pool: field('pool', knobs.pool, z.string().min(1, 'the name of a law or of a calibration')),
  tokensPerParam: field('tokensPerParam', knobs.tokensPerParam),
  maxEpochs: field('maxEpochs', knobs.maxEpochs),
  ...choiceFields,
};

/** Fields for a strict object: the budget and the parameters of its cutoff. */
export const questionFields = {
  budget: field('budget', budget),
  params: field('params', params),
  tokens: field('tokens', tokens),
  keep: field('keep', keep),
  score: field('score', score),
  ...knobFields,
};
