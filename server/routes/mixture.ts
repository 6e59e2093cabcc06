// GET /histogram and /composition: the distribution of scores, and what a cut does to the corpus's mixture.

import { z } from 'zod';
import {
  benchmarkChangeSchema,
  compareMixture,
  type SourceChange,
  sourceChangeSchema,
} from '../../ranking/selection/composition.ts';
import { spreadHistogram, stepSchema } from '../../ranking/histogram.ts';
import { csvOf, formatParameter, wantsCsv } from './csv.ts';
import { wholeParameter } from './parameters.ts';
import { choiceFields, questionFields } from './question.ts';
import { route } from '../route.ts';
import { generationOf, generationSchema } from '../../ranking/why/aim.ts';

export const histogramSchema = z.strictObject({ ranking: generationSchema, steps: z.array(stepSchema) });
export type HistogramAnswer = z.output<typeof histogramSchema>;

export const compositionSchema = z.strictObject({
  ranking: generationSchema,
  sources: z.array(sourceChangeSchema),
  /**
   * By the benchmark for which a document has its best corpus percentile; empty if the ranking has no score
   * per benchmark.
   */
  benchmarks: z.array(benchmarkChangeSchema),
});
export type CompositionAnswer = z.output<typeof compositionSchema>;

export const mixtureRoutes = [
  route({
    method: 'get',
    path: '/histogram',
    summary: 'Get the histogram of scores: documents and tokens in equal steps of score.',
    access: 'read',
    query: z.strictObject({
      steps: wholeParameter('steps', 1, 1000, 80, 'Number of steps.'),
      ...choiceFields,
      format: formatParameter,
    }),
    reply: { description: 'The steps, lowest score first.', schema: histogramSchema, types: ['text/csv'] },
    tagged: true,
    async answer({ query: { steps: count, format, ...choice }, state, request }) {
      const live = state.live.current();
      const steps = spreadHistogram(await live.histogram(choice), count);
      if (wantsCsv(format, request)) return csvOf(['from', 'to', 'documents', 'tokens'], steps);
      return { json: { ranking: generationOf(live.ranking), steps } satisfies HistogramAnswer };
    },
  }),
  route({
    method: 'get',
    path: '/composition',
    summary:
      'Compare the share of the tokens of every source, and of every benchmark that documents are best for, ' +
      'with no filter and after the cut.',
    access: 'read',
    query: z.strictObject({ ...questionFields, format: formatParameter }),
    reply: {
      description: 'The sources and benchmarks, most favored first.',
      schema: compositionSchema,
      types: ['text/csv'],
    },
    tagged: true,
    heavy: true,
    async answer({ query: { format, ...question }, state, request }) {
      const live = state.live.current();
      const own = live.ranking.scorer.outputs.slice(1);
      const [{ cutoff }, retargeted] = await Promise.all([
        live.answerWithCutoff(question),
        live.retarget(question),
      ]);
      const winners =
        retargeted.chosen ??
        (own.length === 0 ? undefined : (await live.retarget({ benchmarks: own })).chosen);
      const { sources, benchmarks } = await compareMixture(state.run, retargeted, winners, cutoff);
      if (!wantsCsv(format, request))
        return {
          json: { ranking: generationOf(live.ranking), sources, benchmarks } satisfies CompositionAnswer,
        };
      return csvOf(columns, [
        ...sources.map((change) => rowOf('source', change.source, change)),
        ...benchmarks.map((change) => rowOf('benchmark', change.benchmark, change)),
      ]);
    },
  }),
];

const columns = [
  'by',
  'name',
  'documentsBefore',
  'tokensBefore',
  'shareBefore',
  'documentsAfter',
  'tokensAfter',
  'shareAfter',
  'kept',
  'lift',
] as const;

function rowOf(
  by: string,
  name: string,
  { before, after, kept, lift }: Omit<SourceChange, 'source'>,
): Record<(typeof columns)[number], string | number> {
  return {
    by,
    name,
    documentsBefore: before.documents,
    tokensBefore: before.tokens,
    shareBefore: before.share,
    documentsAfter: after.documents,
    tokensAfter: after.tokens,
    shareAfter: after.share,
    kept,
    lift,
  };
}
