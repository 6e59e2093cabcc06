// GET /examples: the examples that `betr index` made from the benchmarks' rows.

import { z } from 'zod';
import { exampleCountsSchema, readIndexCard } from '../../indexer/index-card.ts';
import { nameRecipe } from '../../indexer/examples/read.ts';
import { route } from '../route.ts';

export const examplesSchema = z.strictObject({
  benchmarks: exampleCountsSchema,
  /** The name of each recipe in prose. */
  recipeNames: z.record(z.string(), z.string()),
});

export const exampleRoutes = [
  route({
    method: 'get',
    path: '/examples',
    summary:
      'List the examples of each benchmark: their number, three in full, the recipes that made them, and ' +
      'the rows and fields left out, with reasons.',
    access: 'read',
    reply: {
      description: 'The benchmarks of the index, in the order of its settings.',
      schema: examplesSchema,
    },
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
