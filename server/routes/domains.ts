// GET /domains: the domains' estimates and weights, as `betr domains` found them.

import { z } from 'zod';
import { type Domain, domainWeightsSchema, readDomains } from '../../domains/result.ts';
import { csvOf } from './csv.ts';
import { wholeParameter } from './parameters.ts';
import { route } from '../route.ts';

export const domainRoutes = [
  route({
    method: 'get',
    path: '/domains',
    summary: "Domains by how well other models' losses on them go with their benchmark errors, with intervals and weights; how sure that is, and warnings.",
    access: 'read',
    query: z.strictObject({
      most: wholeParameter('most', 1, 1_000_000, 1000, 'How many domains, best first; ofDomains says how many there are.'),
      format: z.enum(['json', 'csv']).default('json').meta({ description: 'What the answer is written in.' }),
    }),
    reply: { description: 'Best domain first.', schema: domainWeightsSchema, types: ['text/csv'] },
    async answer({ query: { most, format }, state }) {
      const weights = await readDomains(state.run, most);
      return format === 'csv' ? csvOf<Domain>(['domain', 'tokens', 'estimate', 'low', 'high', 'chosen', 'weight', 'include'], weights.domains) : { json: weights };
    },
  }),
];
