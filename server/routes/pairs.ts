// /pairs: preference pairs by difficulty, and how many of them to keep, as "betr pairs select" decides it.

import { z } from 'zod';
import { describeError } from '../../data/files/hide-paths.ts';
import { answerKeep, keepAnswerSchema, type KeepQuestion } from '../../pairs/answer.ts';
import { cutOrders, groupColumns } from '../../pairs/cut.ts';
import { histogramOfPairs, pairHistogramSchema } from '../../pairs/histogram.ts';
import { listMeasurements, readMeasurementCard } from '../../pairs/measurement.ts';
import { sealCharacters } from '../../pairs/keep.ts';
import { nearCutSchema, readNearCut } from '../../pairs/near-cut.ts';
import { openPairs, type PairSet } from '../../pairs/set.ts';
import { explainPair, whyPairSchema } from '../../pairs/why.ts';
import { parseAmount, parseNumber, parseShare } from '../../run/amounts.ts';
import { BetrError, fail } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import { count } from '../../run/schemas.ts';
import { beginningOf, route } from '../route.ts';
import { charactersParameter, wholeParameter } from './parameters.ts';

const measurementField = z
  .string()
  .max(100)
  .optional()
  .meta({ description: 'The measurement of difficulty; needed if the set has several.' });

const questionFields = {
  measurement: measurementField,
  keep: z
    .string()
    .transform((text) => parseShare('keep', text))
    .optional()
    .meta({ description: 'The share of the pairs with a known difficulty to keep.', examples: ['60%'] }),
  params: z
    .string()
    .transform((text) => parseAmount('params', text, '7B'))
    .optional()
    .meta({ description: 'Parameters of the model to train, with fit.', examples: ['7e9'] }),
  fit: z
    .enum(['argilla'])
    .optional()
    .meta({
      description:
        'How the size of the model gives a share: argilla, a line through three published points. For a fit ' +
        'to your own runs, use "betr pairs select --fit".',
    }),
  maxLoss: z
    .string()
    .max(200)
    .transform(parseMaxLoss)
    .optional()
    .meta({
      description: 'The largest difficulty to keep, "@", and the beginning of the seal of its measurement.',
      examples: ['0.69@0a1b2c3d'],
    }),
  order: z.enum(cutOrders).default('easiest').meta({ description: 'Which pairs to keep; default easiest.' }),
  seed: wholeParameter('seed', 0, 2 ** 32 - 1, 1, 'Seed for order=random.'),
  floor: z
    .string()
    .transform((text) => parseShare('floor', text))
    .optional()
    .meta({ description: 'The share of each group that is kept at least.', examples: ['30%'] }),
  by: z.enum(groupColumns).optional().meta({ description: 'The groups of the floor; default category.' }),
};
const questionSchema = z.strictObject(questionFields);

const listedMeasurementSchema = z.strictObject({
  name: z.string(),
  /** The next six are null if the measurement cannot be read (see `problem`). */
  method: z.string().nullable(),
  proxy: z.boolean().nullable(),
  beta: z.number().nullable(),
  known: count.nullable(),
  /** Pairs without a difficulty. */
  unknown: count.nullable(),
  /** How a proxy agrees with another measurement, where that was measured. */
  check: z.strictObject({ with: z.string(), pairs: count, spearman: z.number().nullable() }).nullable(),
  problem: z.string().nullable(),
});
const listedSetSchema = z.strictObject({
  name: z.string(),
  /** null if the set has not been read (see `problem`). */
  pairs: count.nullable(),
  measurements: z.array(listedMeasurementSchema),
  /** With a question. */
  answer: keepAnswerSchema.nullable(),
  problem: z.string().nullable(),
});
export const pairListSchema = z.strictObject({ sets: z.array(listedSetSchema) });
type ListedSet = z.output<typeof listedSetSchema>;

const nameParams = z.strictObject({ name: z.string().meta({ description: 'The set, as in the settings.' }) });

export const pairRoutes = [
  route({
    method: 'get',
    path: '/pairs',
    summary:
      'List the sets of preference pairs and the measurements of their difficulty; with a question such as ' +
      'params=7e9&fit=argilla, also how many pairs of each set to keep.',
    access: 'read',
    query: questionSchema,
    reply: { description: 'The sets, as in the settings.', schema: pairListSchema },
    heavy: true,
    async answer({ query, state: { run } }) {
      const question = readQuestion(query);
      const isAsked = [query.keep, query.params, query.fit, query.maxLoss].some((part) => part !== undefined);
      const sets: ListedSet[] = [];
      for (const { name } of run.settings.pairs)
        sets.push(await describeSet(run, name, isAsked ? question : undefined));
      return { json: { sets } satisfies z.output<typeof pairListSchema> };
    },
  }),
  route({
    method: 'get',
    path: '/pairs/:name',
    summary: 'Say how many pairs of a set to keep, and what each source, category and language loses.',
    access: 'read',
    params: nameParams,
    query: questionSchema,
    reply: { description: 'The answer.', schema: keepAnswerSchema },
    heavy: true,
    async answer({ params, query, state: { run } }) {
      return { json: await answerKeep(run, beginningOf(params.name), readQuestion(query)) };
    },
  }),
  route({
    method: 'get',
    path: '/pairs/:name/histogram',
    summary: 'Get the distribution of difficulty by source.',
    access: 'read',
    params: nameParams,
    query: z.strictObject({
      measurement: measurementField,
      steps: wholeParameter('steps', 1, 500, 60, 'Equal steps of difficulty.'),
    }),
    reply: { description: 'Pairs in each step, by source.', schema: pairHistogramSchema },
    heavy: true,
    async answer({ params, query, state: { run } }) {
      return { json: await histogramOfPairs(run, beginningOf(params.name), query) };
    },
  }),
  route({
    method: 'get',
    path: '/pairs/:name/rows',
    summary: 'Get the pairs on both sides of the cut, with the beginnings of their texts.',
    access: 'read',
    params: nameParams,
    query: questionSchema.extend({
      limit: wholeParameter('limit', 1, 50, 5, 'Pairs on each side.'),
      characters: charactersParameter(2000),
    }),
    reply: { description: 'The answer, and the pairs closest to its cut.', schema: nearCutSchema },
    heavy: true,
    async answer({ params, query: { limit, characters, ...query }, state: { run } }) {
      return {
        json: await readNearCut(run, beginningOf(params.name), readQuestion(query), { limit, characters }),
      };
    },
  }),
  route({
    method: 'get',
    path: '/pairs/:name/why',
    summary:
      'Explain why a pair is difficult: what each model said, and its place among all pairs and in its groups.',
    access: 'read',
    params: nameParams,
    query: z.strictObject({
      id: z.string().max(10_000).meta({ description: "The pair's id." }),
      measurement: measurementField,
      characters: charactersParameter(10_000),
    }),
    reply: { description: 'The explanation.', schema: whyPairSchema },
    heavy: true,
    async answer({ params, query, state: { run } }) {
      return { json: await explainPair(run, beginningOf(params.name), query) };
    },
  }),
];

/** Errors: USAGE. */
function readQuestion({ floor, by, ...question }: z.output<typeof questionSchema>): KeepQuestion {
  if (floor === undefined) {
    if (by !== undefined)
      throw fail('USAGE', { problem: 'by names the groups of a floor: give floor, too.' });
    return question;
  }
  return { ...question, floor: { share: floor, by: by ?? 'category' } };
}

/** "0.69@5c1d20f3". Errors: OPTION_INVALID. */
function parseMaxLoss(text: string): { loss: number; seal: string } {
  const [number = '', seal = ''] = text.split('@');
  const loss = parseNumber(number);
  if (loss === undefined || loss <= 0 || !/^[0-9a-f]*$/.test(seal))
    throw fail('OPTION_INVALID', {
      option: 'maxLoss',
      got: beginningOf(text),
      allowed:
        `a loss above 0 and the first ${sealCharacters} characters of its measurement's seal, such as ` +
        '0.69@5c1d20f3',
    });
  return { loss, seal };
}

async function describeSet(run: Run, name: string, question: KeepQuestion | undefined): Promise<ListedSet> {
  const described: ListedSet = { name, pairs: null, measurements: [], answer: null, problem: null };
  try {
    const set = await openPairs(run, name);
    described.pairs = set.card.pairs;
    for (const one of await listMeasurements(set))
      described.measurements.push(await describeMeasurement(run, set, one));
    if (question !== undefined) described.answer = await answerKeep(run, name, question);
  } catch (error) {
    // A question that cannot be answered for any set is the client's; the rest is this set's.
    if (!(error instanceof BetrError) || error.code === 'USAGE') throw error;
    described.problem = describeError(error, run);
  }
  return described;
}

async function describeMeasurement(
  run: Run,
  set: PairSet,
  name: string,
): Promise<ListedSet['measurements'][number]> {
  try {
    const { method, proxy, beta, known, unknown, check } = await readMeasurementCard(set, name);
    return {
      name,
      method,
      proxy,
      beta,
      known,
      unknown: Object.values(unknown).reduce((sum, pairs) => sum + pairs, 0),
      check: check === undefined ? null : { with: check.with, pairs: check.pairs, spearman: check.spearman },
      problem: null,
    };
  } catch (error) {
    if (!(error instanceof BetrError)) throw error;
    const none = { method: null, proxy: null, beta: null, known: null, unknown: null, check: null };
    return { name, ...none, problem: describeError(error, run) };
  }
}
