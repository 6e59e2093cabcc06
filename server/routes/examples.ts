// GET /examples: what the ranking aims at, as `betr index` made it of the benchmarks' rows.

import { z } from 'zod';
import { exampleCountsSchema, readIndexCard } from '../../indexer/card.ts';
import { route } from '../route.ts';

export const examplesSchema = z.strictObject({ benchmarks: exampleCountsSchema });

export const exampleRoutes = [
  route({
    method: 'get',
    path: '/examples',
    summary: 'The examples of each benchmark: how many, three of them whole, the recipes that made them, and which rows and fields were left out and why.',
    access: 'read',
    reply: { description: 'In the order of the settings, as the index was made.', schema: examplesSchema },
    async answer({ state: { run } }) {
      return { json: { benchmarks: (await readIndexCard(run)).examples } };
    },
  }),
];
