// GET /domains: the domains' estimates and weights, as `betr domains` found them.

import { z } from 'zod';
import { type Domain, domainWeightsSchema, readDomains } from '../../domains/result.ts';
import { wholeParameter } from './parameters.ts';
import { route } from '../route.ts';
import { csvInSlices, jsonInSlices } from '../slices.ts';

/** As many as take a few megabytes; domains.parquet in the run folder has all of them. */
const mostDomains = 20_000;

export const domainRoutes = [
  route({
    method: 'get',
    path: '/domains',
    summary:
      "Domains by how well other models' losses on them go with their benchmark errors, with intervals " +
      'and weights; how sure that is, and warnings.',
    access: 'read',
    query: z.strictObject({
      most: wholeParameter(
        'most',
        1,
        mostDomains,
        1000,
        'How many domains, best first; ofDomains says how many there are.',
      ),
      format: z.enum(['json', 'csv']).default('json').meta({ description: 'What the answer is written in.' }),
    }),
    reply: { description: 'Best domain first.', schema: domainWeightsSchema, types: ['text/csv'] },
    heavy: true,
    async answer({ query: { most, format }, state }) {
      const { domains, ...weights } = await readDomains(state.run, most);
      return format === 'csv'
        ? csvInSlices<Domain>(
            ['domain', 'tokens', 'estimate', 'low', 'high', 'chosen', 'weight', 'include'],
            domains,
          )
        : jsonInSlices('domains', domains, weights);
    },
  }),
];
