// GET /documents/{shard}/{row}/why: explains a document's score, through the same function as `betr why`.

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
      "Explain a document's score: the exact contribution of its n-grams, its place in the ranking, and the " +
      'nearest benchmark examples.',
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
            "Explain this benchmark's score, instead of the joint one or, with chosen benchmarks, that of " +
            'the benchmark that the document is best for.',
        }),
      ngrams: wholeParameter(
        'ngrams',
        0,
        200,
        whyDefaults.ngrams,
        'N-grams to list that raise the score, and as many that lower it.',
      ),
      places: wholeParameter('places', 0, 200, whyDefaults.places, 'Places to list per n-gram.'),
      examples: wholeParameter(
        'examples',
        0,
        50,
        whyDefaults.examples,
        'Nearest benchmark examples to list.',
      ),
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
