// Fits a keep-rate law to the user's own small runs, as the paper fitted its laws (arXiv 2507.12466, section
// 5): each budget's best rate is the peak of a quadratic in ln F, and F = a · C^b goes through those peaks.
// Runs that cannot support a law are refused with the reasons.

import { z } from 'zod';
import { positive } from '../../run/schemas.ts';
import { boundsSchema } from '../../data/statistics.ts';
import { boundedNumber, positiveNumber } from '../../run/bounds.ts';
import { fail } from '../../run/errors/errors.ts';
import { formatCount, formatFlops } from '../../run/amounts.ts';
import { fitPower } from '../../data/least-squares.ts';
import { fewestRates, groupBudgets, fitBudget } from './best-rate.ts';
import { bootstrap } from './bootstrap.ts';

const fewestBudgets = 3;
/** [ours] Above this share of failed resamples, the intervals need a note. */
const worthANote = 0.05;

/**
 * A training run: its compute, the share of the pool's tokens it was trained on, and its result (a loss or an
 * accuracy).
 */
export const trialSchema = z.strictObject({
  flops: positiveNumber,
  keep: positiveNumber.max(1),
  loss: boundedNumber.optional(),
  accuracy: boundedNumber.optional(),
});
export type Trial = z.output<typeof trialSchema>;

export const fitSchema = z.strictObject({
  measure: z.enum(['loss', 'accuracy']),
  /** F = coefficient · C^exponent, F in percent, C in FLOPs; with 95% bootstrap intervals. */
  coefficient: positive,
  exponent: z.number(),
  intervals: z.strictObject({
    coefficient: boundsSchema,
    exponent: boundsSchema,
    resamples: z.number().int(),
    /** Resamples in which a budget had no interior peak; the intervals leave them out. */
    failed: z.number().int(),
  }),
  /**
   * Every budget used in the fit: its best rate, the law's rate there, and how far each run is from the
   * budget's quadratic.
   */
  budgets: z.array(
    z.strictObject({
      flops: positive,
      best: positive,
      byLaw: positive,
      /** ln(best) less ln(byLaw). */
      residual: z.number(),
      runs: z.array(z.strictObject({ keep: positive, value: z.number(), residual: z.number() })),
    }),
  ),
  /** Budgets left out of the fit, with the reason. */
  unused: z.array(z.strictObject({ flops: positive, reason: z.string() })),
  notes: z.array(z.string()),
});
export type Fit = z.output<typeof fitSchema>;

/** Fits the law. The same runs give the same fit. Errors: CALIBRATION_REFUSED with every reason. */
export async function fitLaw(trials: readonly Trial[]): Promise<Fit> {
  const measure = findMeasure(trials);
  const sign = measure === 'loss' ? -1 : 1;
  const budgets = groupBudgets(trials, (trial) => sign * (trial[measure] ?? 0));
  const fitted = budgets.map((budget) => ({ budget, ...fitBudget(budget) }));
  const used = fitted.flatMap(({ budget, peak }) => (peak === undefined ? [] : [{ budget, peak }]));
  const unused = fitted.flatMap(({ budget, reason }) =>
    reason === undefined ? [] : [{ flops: budget.flops, reason }],
  );
  if (used.length < fewestBudgets)
    throw refuse([
      `only ${used.length} of ${budgets.length} budgets have a best rate; a law needs at least ${fewestBudgets}`,
      ...unused.map(({ flops, reason }) => `${formatFlops(flops)} FLOPs: ${reason}`),
    ]);
  const law = fitPower(used.map(({ budget, peak }) => [Math.log(budget.flops), peak.logRate]));
  if (!(law.exponent > 0))
    throw refuse([
      `the best rate does not grow with the budget (exponent ${law.exponent.toPrecision(3)}), but the ` +
        'law assumes that it does',
    ]);
  const intervals = await bootstrap(used, law);
  return {
    measure,
    coefficient: 100 * Math.exp(law.logCoefficient),
    exponent: law.exponent,
    intervals,
    budgets: used.map(({ budget, peak }) => {
      const byLaw = law.logCoefficient + law.exponent * Math.log(budget.flops);
      // Adding 0 turns -0 into 0, as JSON does.
      const runs = budget.trials.map((trial, i) => ({
        keep: trial.keep,
        value: trial[measure] ?? 0,
        residual: sign * (peak.residuals[i] ?? 0) + 0,
      }));
      return {
        flops: budget.flops,
        best: Math.exp(peak.logRate),
        byLaw: Math.exp(byLaw),
        residual: peak.logRate - byLaw,
        runs,
      };
    }),
    unused,
    notes: [
      ...(used.some(({ budget }) => budget.values.length > fewestRates)
        ? []
        : [
            'Three runs per budget cannot show how noisy a run is: the intervals show only how far ' +
              'the budgets are from one law. Add rates, or repeat runs with other seeds.',
          ]),
      ...(intervals.failed <= worthANote * intervals.resamples
        ? []
        : [
            `In ${formatCount(intervals.failed)} of ${formatCount(intervals.resamples)} resamples a ` +
              'budget had no best rate within the tried range. They are left out of the intervals, ' +
              'which are therefore too narrow. Try rates further out, or repeat runs with other seeds.',
          ]),
    ],
  };
}

function refuse(reasons: string[]): Error {
  return fail('CALIBRATION_REFUSED', { reasons });
}

function findMeasure(trials: readonly Trial[]): 'loss' | 'accuracy' {
  const all = (key: 'loss' | 'accuracy', there: boolean): boolean =>
    trials.every((trial) => (trial[key] !== undefined) === there);
  if (trials.length === 0) throw refuse(['there are no runs']);
  if (all('loss', true) && all('accuracy', false)) return 'loss';
  if (all('accuracy', true) && all('loss', false)) return 'accuracy';
  throw refuse(['every run needs a loss, or every run an accuracy']);
}
