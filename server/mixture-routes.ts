// GET /histogram and /composition: how the ranking's scores lie, and what a cut does to the corpus's mixture.

import { z } from 'zod';
import { compareComposition, sourceChangeSchema } from '../ranking/composition.ts';
import { spreadHistogram, stepSchema } from '../ranking/histogram.ts';
import { csvOf } from './csv.ts';
import { questionFields } from './question.ts';
import { route } from './route.ts';

const format = z.enum(['json', 'csv']).default('json').meta({ description: 'What the answer is written in.' });
const stepsAtMost = 1000;
const steps = z
  .string()
  .regex(/^\d{1,4}$/)
  .transform(Number)
  .pipe(z.number().int().min(1).max(stepsAtMost, `a whole number from 1 to ${stepsAtMost}`))
  .optional()
  .meta({ description: 'Into how many equal steps of score.', examples: ['80'] });

export const histogramSchema = z.strictObject({ steps: z.array(stepSchema), ranking: z.strictObject({ generation: z.string() }) });

export const compositionSchema = z.strictObject({ sources: z.array(sourceChangeSchema), ranking: z.strictObject({ generation: z.string() }) });

export const mixtureRoutes = [
  route({
    method: 'get',
    path: '/histogram',
    summary: 'How many documents and tokens have which score, in equal steps.',
    access: 'read',
    query: z.strictObject({ steps, format }),
    reply: { description: 'The steps, lowest score first.', schema: histogramSchema, types: ['text/csv'] },
    tagged: true,
    answer({ query, state }) {
      const { ranking } = state.live.current();
      const spread = spreadHistogram(ranking.histogram, query.steps ?? 80);
      return query.format === 'csv' ? csvOf(['from', 'to', 'documents', 'tokens'], spread) : { json: { steps: spread, ranking: { generation: ranking.generation } } };
    },
  }),
  route({
    method: 'get',
    path: '/composition',
    summary: "Every source's share of the tokens with no filter and after the cut.",
    access: 'read',
    query: z.strictObject({ ...questionFields, format }),
    reply: { description: 'The sources, most favoured first.', schema: compositionSchema, types: ['text/csv'] },
    tagged: true,
    async answer({ query: { format, ...question }, state }) {
      const live = state.live.current();
      const { cutoff } = await live.answer(question);
      const sources = await compareComposition(state.run, live.ranking, cutoff);
      if (format === 'json') return { json: { sources, ranking: { generation: live.ranking.generation } } };
      const rows = sources.map(({ source, before, after, kept, lift }) => ({ source, documentsBefore: before.documents, tokensBefore: before.tokens, shareBefore: before.share, documentsAfter: after.documents, tokensAfter: after.tokens, shareAfter: after.share, kept, lift }));
      return csvOf(['source', 'documentsBefore', 'tokensBefore', 'shareBefore', 'documentsAfter', 'tokensAfter', 'shareAfter', 'kept', 'lift'], rows);
    },
  }),
];
