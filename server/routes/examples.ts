// GET /examples: what the ranking aims at, as `betr index` made it of the benchmarks' rows.

import { z } from 'zod';
import { exampleCountsSchema, readIndexCard } from '../../indexer/index-card.ts';
import { nameRecipe } from '../../indexer/examples/read.ts';
import { route } from '../route.ts';

export const examplesSchema = z.strictObject({
  benchmarks: exampleCountsSchema,
  /** What each recipe is called in a sentence. */
  recipeNames: z.record(z.string(), z.string()),
});

export const exampleRoutes = [
  route({
    method: 'get',
    path: '/examples',
    summary:
      'The examples of each benchmark: how many, three of them whole, the recipes that made them, and ' +
      'which rows and fields were left out and why.',
    access: 'read',
    reply: { description: 'In the order of the settings, as the index was made.', schema: examplesSchema },
    async answer({ state: { run } }) {
      const { examples: benchmarks } = await readIndexCard(run);
      const used = new Set(
        benchmarks.flatMap(({ recipes, shown }) => [...recipes, ...shown].map(({ recipe }) => recipe)),
      );
      return {
        json: {
          benchmarks,
          recipeNames: Object.fromEntries([...used].map((recipe) => [recipe, nameRecipe(recipe)])),
        } satisfies z.output<typeof examplesSchema>,
      };
    },
  }),
];
