// Why a document has its place: GET /documents/{shard}/{row}/why, and `betr why` through the same function.

import { z } from 'zod';
import { charactersParameter, rowParameter, wholeParameter } from './parameters.ts';
import { questionFields } from './question.ts';
import { route } from '../route.ts';
import { explainDocument, whyDefaults, whySchema } from '../../ranking/why/why.ts';

export const whyRoutes = [
  route({
    method: 'get',
    path: '/documents/:shard/:row/why',
    summary:
      'The n-grams that moved a document up and down, exactly; its place in the ranking; and the ' +
      'benchmark examples nearest to it.',
    access: 'read',
    params: z.strictObject({
      shard: z.string().meta({ description: "The shard's id, or its name percent-encoded." }),
      row: rowParameter,
    }),
    query: z.strictObject({
      benchmark: z
        .string()
        .optional()
        .meta({
          description:
            "Explains this benchmark's own score in place of the joint one, or of that of the chosen " +
            'benchmark that the document is best for.',
        }),
      ngrams: wholeParameter('ngrams', 0, 200, whyDefaults.ngrams, 'N-grams on each side.'),
      places: wholeParameter('places', 0, 200, whyDefaults.places, 'Places of each n-gram.'),
      examples: wholeParameter('examples', 0, 50, whyDefaults.examples, 'Nearest benchmark examples.'),
      characters: charactersParameter(whyDefaults.characters),
      ...questionFields,
    }),
    heavy: true,
    reply: { description: 'The explanation.', schema: whySchema },
    async answer({ params, query: { benchmark, ngrams, places, examples, characters, ...question }, state }) {
      return {
        json: await explainDocument(
          state.run,
          state.live.current(),
          state.texts,
          { ...params, benchmark, ngrams, places, examples, characters },
          question,
        ),
      };
    },
  }),
];
