// GET /compare and /curve: budgets side by side, and the keep rate over all of them.

import { z } from 'zod';
import { parseAmount, parseBudget } from '../../run/amounts.ts';
import { readLaw } from '../../ranking/budget/calibrations.ts';
import { compareBudgets, type Comparison, comparisonSchema } from '../../ranking/budget/compare-budgets.ts';
import { comparisonColumns, tabulateComparison } from '../../ranking/budget/comparison-table.ts';
import { type Curve, curveSchema, traceCurve } from '../../ranking/budget/curve.ts';
import { csvOf, formatParameter, wantsCsv } from './csv.ts';
import { wholeParameter } from './parameters.ts';
import { knobFields } from './question.ts';
import { route } from '../route.ts';

const list = (
  parse: (text: string) => number,
  description: string,
  example: string,
): z.ZodType<number[] | undefined, string | undefined> =>
  z
    .string()
    .min(1)
    .transform((text) => text.split(',').map(parse))
    .optional()
    .meta({ description, examples: [example] });

const flops = (otherwise: string, description: string): z.ZodType<number, string | undefined> =>
  z.string().default(otherwise).transform(parseBudget).meta({ description });

const curveColumns = ['flops', 'params', 'tokens', 'rate', 'low', 'high', 'setBy', 'law', 'epochs'] as const;

export const compareRoutes = [
  route({
    method: 'get',
    path: '/compare',
    summary:
      'Budgets and model sizes side by side, with no filter: what each keeps, and what changes from one to the next.',
    access: 'read',
    query: z.strictObject({
      budgets: list(parseBudget, 'Budgets in FLOPs, up to 20.', '1e19,1e20,1e21'),
      params: list(
        (text) => parseAmount('params', text),
        'Model sizes, in place of budgets or beside them; a budget that one of them has is not shown twice.',
        '0.4B,1B,7B',
      ),
      ...knobFields,
      format: formatParameter,
    }),
    reply: {
      description: 'By budget, no filter at the end; as CSV a row a line.',
      schema: comparisonSchema,
      types: ['text/csv'],
    },
    tagged: true,
    heavy: true,
    async answer({ query: { budgets, params, format, ...question }, state, request }) {
      const live = state.live.current();
      const comparison: Comparison = await compareBudgets(state.run, live, { budgets, params }, question);
      return wantsCsv(format, request)
        ? csvOf(comparisonColumns, tabulateComparison(comparison))
        : { json: comparison };
    },
  }),
  route({
    method: 'get',
    path: '/curve',
    summary: "Keep rate against FLOPs: law, data floor and band, and where the paper's best rate changes.",
    access: 'read',
    query: z.strictObject({
      from: flops('1e18', 'First budget in FLOPs; 1e18 when left out.'),
      to: flops('1e25', 'Last budget; 1e25 when left out.'),
      points: wholeParameter('points', 2, 1000, 141, 'How many budgets, in equal steps of log FLOPs.'),
      pool: knobFields.pool,
      poolTokens: knobFields.poolTokens,
      tokensPerParam: knobFields.tokensPerParam,
      maxEpochs: knobFields.maxEpochs,
      format: formatParameter,
    }),
    reply: { description: 'The curve; as CSV its points.', schema: curveSchema, types: ['text/csv'] },
    tagged: true,
    async answer({ query: { format, pool, from, to, points, ...knobs }, state, request }) {
      const { keep } = state.run.settings;
      const law = await readLaw(state.run, pool ?? keep.pool);
      const curve: Curve = traceCurve(law, {
        from,
        to,
        points,
        poolTokens: knobs.poolTokens ?? Math.max(1, state.live.current().ranking.tokens),
        tokensPerParam: knobs.tokensPerParam ?? keep.tokensPerParam,
        maxEpochs: knobs.maxEpochs ?? keep.maxEpochs,
      });
      return wantsCsv(format, request) ? csvOf(curveColumns, curve.points) : { json: curve };
    },
  }),
];
