// GET /compare and /curve: compares budgets, and traces the keep rate over a range of budgets.

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
      'Compare budgets and model sizes, with no filter last: what each keeps, and what changes from one to the next.',
    access: 'read',
    query: z.strictObject({
      budgets: list(parseBudget, 'Budgets in FLOPs, up to 20.', '1e19,1e20,1e21'),
      params: list(
        (text) => parseAmount('params', text),
        'Model sizes, instead of or in addition to budgets; equal budgets are listed once.',
        '0.4B,1B,7B',
      ),
      ...knobFields,
      format: formatParameter,
    }),
    reply: {
      description: 'One line per budget, smallest first, then no filter; as CSV one row per line.',
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
    summary:
      "Keep rate by budget: the law, the data floor, the band, and the budgets at which the paper's best rate changes.",
    access: 'read',
    query: z.strictObject({
      from: flops('1e18', 'First budget in FLOPs; default 1e18.'),
      to: flops('1e25', 'Last budget in FLOPs; default 1e25.'),
      points: wholeParameter('points', 2, 1000, 141, 'Number of budgets, in equal steps of log FLOPs.'),
      pool: knobFields.pool,
      poolTokens: knobFields.poolTokens,
      tokensPerParam: knobFields.tokensPerParam,
      maxEpochs: knobFields.maxEpochs,
      format: formatParameter,
    }),
    reply: { description: 'The curve; as CSV only its points.', schema: curveSchema, types: ['text/csv'] },
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
