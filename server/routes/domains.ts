// GET /domains: the estimates and weights of domains from `betr domains`.

import { z } from 'zod';
import { type Domain, domainWeightsSchema, readDomains } from '../../domains/result.ts';
import { wholeParameter } from './parameters.ts';
import { route } from '../route.ts';
import { csvInSlices, jsonInSlices } from '../slices.ts';

/** This many take a few megabytes; domains.parquet in the run folder has all of them. */
const mostDomains = 20_000;

export const domainRoutes = [
  route({
    method: 'get',
    path: '/domains',
    summary:
      "List domains by how well other models' losses on them predict the models' benchmark errors, with " +
      'intervals, weights, prediction quality and warnings.',
    access: 'read',
    query: z.strictObject({
      most: wholeParameter(
        'most',
        1,
        mostDomains,
        1000,
        'Number of domains, best first; ofDomains is the total.',
      ),
      format: z
        .enum(['json', 'csv'])
        .default('json')
        .meta({ description: 'Format of the answer; default json.' }),
    }),
    reply: { description: 'The domains, best first.', schema: domainWeightsSchema, types: ['text/csv'] },
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
