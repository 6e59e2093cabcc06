// Every number of a request has bounds.

import { describe, expect, it } from '@jest/globals';
import { parseTrials } from '../../../ranking/budget/trial-table.ts';
import { makeRows } from '../../ranking/synthetic.ts';
import { shareServer } from '../../server/serve.ts';
import { openApiSchema } from '../hostile.ts';
import { everything, someOf } from '../../long.ts';
import { beyond } from './beyond.ts';

describe('the server', () => {
  const server = shareServer(makeRows(60));

  it('refuses numbers beyond the bounds for every parameter of its description', async () => {
    const description = openApiSchema.parse(JSON.parse((await server().ask('/openapi.json')).text));
    let tried = 0;
    for (const [path, { get }] of Object.entries(description.paths)) {
      for (const { name } of (get?.parameters ?? []).filter((one) => one.in === 'query')) {
        const isNumber = [
          'budget',
          'budgets',
          'params',
          'tokens',
          'keep',
          'poolTokens',
          'tokensPerParam',
          'maxEpochs',
          'steps',
          'points',
          'limit',
          'seed',
          'characters',
          'ngrams',
          'places',
          'examples',
          'from',
          'to',
        ].includes(name);
        if (!isNumber) continue;
        for (const text of someOf(beyond, 4)) {
          const others =
            name !== 'keep' &&
            path !== '/compare' &&
            !['budget', 'params', 'tokens'].includes(name) &&
            (get?.parameters ?? []).some((one) => one.name === 'keep')
              ? '&keep=0.1'
              : '';
          const place = path.replace('{shard}', 'corpus%2Fshard-0.jsonl').replace('{row}', '0');
          const reply = await server().ask(`${place}?${name}=${encodeURIComponent(text)}${others}`);
          expect({ path, name, text, status: reply.status }).toEqual({ path, name, text, status: 400 });
          tried++;
        }
      }
    }
    expect(tried).toBeGreaterThan(everything ? 200 : 50);
  });

  it.each(['flops', 'keep', 'loss', 'accuracy'])(
    'refuses calibration trials beyond the bounds: %s',
    (field) => {
      const measure = field === 'accuracy' ? 'accuracy' : 'loss';
      for (const text of beyond.filter(
        (one) =>
          !(one === '-1' || one.includes('e-') || one.startsWith('0.0')) ||
          field === 'flops' ||
          field === 'keep',
      )) {
        const row = { flops: '1e20', keep: '0.1', [measure]: '2.5', [field]: text };
        const refused = expect.objectContaining({
          code: expect.stringMatching(/^(BODY|BUDGET|OPTION)_INVALID$/),
        });
        expect(() =>
          parseTrials(`flops,keep,${measure}\n${row.flops},${row.keep},${row[measure] ?? ''}\n`),
        ).toThrow(refused);
        const json = `[{"flops": ${row.flops}, "keep": ${row.keep}, "${measure}": ${row[measure] ?? ''}}]`;
        if (!/NaN|Infinity/.test(text)) expect(() => parseTrials(json)).toThrow(refused);
      }
    },
  );
});
