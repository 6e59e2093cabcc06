// The keep rate against the budget, for plotting: law, data floor, band, and where the paper's best rate
// changes.

import { z } from 'zod';
import { positive } from '../../run/schemas.ts';
import { fail } from '../../run/errors/errors.ts';
import { floorRate, keepRate, type Law, lawRate, planModelFor, ratesSetBy } from './laws.ts';
import { computeMultiplier, crossover } from './paper-fits.ts';

const pointSchema = z.strictObject({
  flops: positive,
  params: positive,
  tokens: positive,
  /** Shares of the pool's tokens, as fractions. */
  rate: positive,
  low: positive,
  high: positive,
  setBy: z.enum(ratesSetBy),
  /** The law's rate, ignoring the pool's size. */
  law: positive,
  /** Passes over the kept tokens. */
  epochs: z.number().min(1),
});

export const curveSchema = z.strictObject({
  law: z.strictObject({
    name: z.string(),
    formula: z.string(),
    fittedFlops: z.strictObject({ from: positive, to: positive, extrapolatedBeyond: positive }),
  }),
  poolTokens: positive,
  points: z.array(pointSchema),
  /**
   * The paper's own fits: the budgets at which keeping more becomes best, and how much compute the best 10%
   * saves over no filter.
   */
  paper: z.strictObject({
    crossovers: z.array(
      z.strictObject({ from: z.number(), to: z.number(), flops: positive, log10Flops: z.number() }),
    ),
    computeMultiplierAt10Percent: z.number(),
  }),
});
export type Curve = z.output<typeof curveSchema>;

export interface CurveQuestion {
  /** FLOPs. */
  from: number;
  to: number;
  points: number;
  poolTokens: number;
  tokensPerParam: number;
  maxEpochs: number;
}

/** The curve in equal steps of log FLOPs. Errors: OPTION_INVALID. */
export function traceCurve(
  law: Law,
  { from, to, points, poolTokens, tokensPerParam, maxEpochs }: CurveQuestion,
): Curve {
  if (!(from < to))
    throw fail('OPTION_INVALID', {
      option: 'to',
      got: String(to),
      allowed: `more than "from", which is ${from}`,
    });
  return {
    law: { name: law.name, formula: law.formula, fittedFlops: law.fittedFlops },
    poolTokens,
    points: Array.from({ length: points }, (_, i) => {
      const flops = budgetAt(from, to, i / (points - 1));
      const model = planModelFor(law, { flops }, tokensPerParam);
      const byLaw = lawRate(law, model);
      const keep = keepRate(byLaw, floorRate(model.tokens, poolTokens, maxEpochs));
      return {
        flops,
        params: model.params,
        tokens: model.tokens,
        ...keep,
        law: byLaw,
        epochs: Math.max(1, model.tokens / (keep.rate * poolTokens)),
      };
    }),
    paper: paperFindings(),
  };
}

/**
 * The budget at a fraction of the way, in log FLOPs. Rounded unless it is an end, to avoid
 * 9.99999999999998e18.
 */
function budgetAt(from: number, to: number, share: number): number {
  const flops = from ** (1 - share) * to ** share;
  return share === 0 || share === 1 ? flops : Number(flops.toPrecision(12));
}

let paper: Curve['paper'] | undefined;

/**
 * What the paper's fits say about the best rate, cached. It takes about 10 ms, so a server calls it before it
 * accepts requests.
 */
export function paperFindings(): Curve['paper'] {
  paper ??= {
    crossovers: (
      [
        [0.03, 0.1],
        [0.1, 0.3],
        [0.3, 1],
      ] as const
    ).flatMap(([from, to]) => {
      const flops = crossover(from, to);
      return flops === undefined ? [] : [{ from, to, flops, log10Flops: Math.log10(flops) }];
    }),
    computeMultiplierAt10Percent: computeMultiplier(0.1),
  };
  return paper;
}
