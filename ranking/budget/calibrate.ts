// Fits a keep-rate law to the user's own small runs, as the paper fitted its laws (arXiv 2507.12466, section
// 5): each budget's best rate is the peak of a quadratic in ln F, and F = a · C^b goes through those peaks.
// Runs that cannot support a law are refused with the reasons.

import { setImmediate } from 'node:timers/promises';
import { z } from 'zod';
import { openRandom } from '../../classifier/held-out.ts';
import { boundedNumber, positiveNumber } from '../../run/bounds.ts';
import { fail } from '../../run/errors/errors.ts';
import { formatCount, formatFlops, formatShare } from '../../run/amounts.ts';

/**
 * [ours] At least this many rates at this many budgets: a quadratic has three coefficients, and a line
 * through two points proves nothing.
 */
const fewestRates = 3;
const fewestBudgets = 3;
/** [ours] Runs within this factor of each other have the same budget. */
const sameBudget = 1.1;
const bootstraps = 1000;
/** [ours] Above this share of failed resamples, the intervals need a note. */
const worthANote = 0.05;

const positive = z.number().positive();

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

const intervalSchema = z.strictObject({ low: z.number(), high: z.number() });

export const fitSchema = z.strictObject({
  measure: z.enum(['loss', 'accuracy']),
  /** F = coefficient · C^exponent, F in percent, C in FLOPs; with 95 % bootstrap intervals. */
  coefficient: positive,
  exponent: z.number(),
  intervals: z.strictObject({
    coefficient: intervalSchema,
    exponent: intervalSchema,
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

interface Budget {
  flops: number;
  trials: Trial[];
  /** ln of the rates, and the results with larger being better. */
  logRates: number[];
  values: number[];
}

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

function groupBudgets(trials: readonly Trial[], valueOf: (trial: Trial) => number): Budget[] {
  const groups: Trial[][] = [];
  for (const trial of trials.toSorted((a, b) => a.flops - b.flops || a.keep - b.keep)) {
    const group = groups.at(-1);
    if (group?.[0] !== undefined && trial.flops <= group[0].flops * sameBudget) group.push(trial);
    else groups.push([trial]);
  }
  return groups.map((group) => ({
    flops: middleFlops(group),
    trials: group,
    logRates: group.map(({ keep }) => Math.log(keep)),
    values: group.map(valueOf),
  }));
}

/** The geometric mean, relative to the first run: runs with identical FLOPs keep exactly that number. */
function middleFlops(group: readonly Trial[]): number {
  const first = group[0]?.flops ?? NaN;
  return first * Math.exp(group.reduce((sum, { flops }) => sum + Math.log(flops / first), 0) / group.length);
}

interface Peak {
  /** ln of the best rate, as a fraction. */
  logRate: number;
  residuals: number[];
}

/** The peak of a budget's quadratic, or why there is none within the tried rates. */
function fitBudget({ logRates, values }: Budget): { peak?: Peak; reason?: string } {
  const rates = new Set(logRates).size;
  if (rates < fewestRates)
    return { reason: `only ${rates} different rates were tried; a fit needs at least ${fewestRates}` };
  const { curvature, peak, residuals } = fitQuadratic(logRates, values);
  const [lowest, highest] = [Math.min(...logRates), Math.max(...logRates)];
  const edge = values.indexOf(Math.max(...values));
  const tried = `${formatShare(Math.exp(lowest))} to ${formatShare(Math.exp(highest))}`;
  if (!(curvature < 0)) return { reason: `results from ${tried} do not rise to a peak and fall again` };
  if (!(peak > lowest && peak < highest))
    return {
      reason:
        `the best rate is outside the tried range (${tried}; the best run ` +
        `was at ${formatShare(Math.exp(logRates[edge] ?? 0))})`,
    };
  return { peak: { logRate: peak, residuals } };
}

/** Least squares of y = p0 + p1·x + p2·x², with x centered for numerical stability. */
function fitQuadratic(
  xs: readonly number[],
  ys: readonly number[],
): { curvature: number; peak: number; residuals: number[] } {
  const mean = xs.reduce((sum, x) => sum + x, 0) / xs.length;
  const sums = [0, 0, 0, 0, 0];
  const right = [0, 0, 0];
  for (const [i, x] of xs.entries()) {
    for (let power = 0; power <= 4; power++) sums[power] = (sums[power] ?? 0) + (x - mean) ** power;
    for (let power = 0; power <= 2; power++)
      right[power] = (right[power] ?? 0) + (ys[i] ?? 0) * (x - mean) ** power;
  }
  const [s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0] = sums;
  const [r0 = 0, r1 = 0, r2 = 0] = right;
  const determinant = (a: number[][]): number => {
    const [[a0 = 0, a1 = 0, a2 = 0] = [], [b0 = 0, b1 = 0, b2 = 0] = [], [c0 = 0, c1 = 0, c2 = 0] = []] = a;
    return a0 * (b1 * c2 - b2 * c1) - a1 * (b0 * c2 - b2 * c0) + a2 * (b0 * c1 - b1 * c0);
  };
  const all = determinant([
    [s0, s1, s2],
    [s1, s2, s3],
    [s2, s3, s4],
  ]);
  const p0 =
    determinant([
      [r0, s1, s2],
      [r1, s2, s3],
      [r2, s3, s4],
    ]) / all;
  const p1 =
    determinant([
      [s0, r0, s2],
      [s1, r1, s3],
      [s2, r2, s4],
    ]) / all;
  const p2 =
    determinant([
      [s0, s1, r0],
      [s1, s2, r1],
      [s2, s3, r2],
    ]) / all;
  return {
    curvature: p2,
    peak: mean - p1 / (2 * p2),
    residuals: xs.map((x, i) => (ys[i] ?? 0) - (p0 + p1 * (x - mean) + p2 * (x - mean) ** 2)),
  };
}

interface Power {
  logCoefficient: number;
  exponent: number;
}

/** Least squares of ln F = ln a + b · ln C. */
function fitPower(points: readonly (readonly [logFlops: number, logRate: number])[]): Power {
  const mean = (of: 0 | 1): number => points.reduce((sum, point) => sum + point[of], 0) / points.length;
  const [meanX, meanY] = [mean(0), mean(1)];
  const exponent =
    points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0) /
    points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  return { logCoefficient: meanY - exponent * meanX, exponent };
}

/**
 * [ours] Residual bootstrap on both levels: runs around their budget's quadratic, and budgets around the law,
 * with residuals scaled up for the fitted coefficients. The second level includes the runs' noise again, so
 * the intervals err on the wide side.
 */
async function bootstrap(
  used: readonly { budget: Budget; peak: Peak }[],
  law: Power,
): Promise<Fit['intervals']> {
  const random = openRandom(1);
  const pick = (from: readonly number[]): number => from[Math.floor(random() * from.length)] ?? 0;
  const free = used.reduce((sum, { budget }) => sum + budget.values.length - fewestRates, 0);
  const runs = used.reduce((sum, { budget }) => sum + budget.values.length, 0);
  const noise =
    free === 0
      ? [0]
      : used.flatMap(({ peak }) => peak.residuals.map((residual) => residual * Math.sqrt(runs / free)));
  const scatter = used.map(
    ({ budget, peak }) =>
      (peak.logRate - law.logCoefficient - law.exponent * Math.log(budget.flops)) *
      Math.sqrt(used.length / (used.length - 2)),
  );
  const fits: Power[] = [];
  for (let resample = 0; resample < bootstraps; resample++) {
    // Lets a server answer other requests in between.
    if (resample % 10 === 0) await setImmediate();
    const points = used.flatMap(({ budget, peak }): [number, number][] => {
      const values = budget.values.map((value, i) => value - (peak.residuals[i] ?? 0) + pick(noise));
      const again = fitBudget({ ...budget, values }).peak;
      return again === undefined ? [] : [[Math.log(budget.flops), again.logRate + pick(scatter)]];
    });
    if (points.length === used.length) fits.push(fitPower(points));
  }
  const interval = (values: number[], of: number): { low: number; high: number } => {
    const sorted = values.sort((a, b) => a - b);
    return {
      low: sorted[Math.floor(0.025 * sorted.length)] ?? of,
      high: sorted[Math.ceil(0.975 * sorted.length) - 1] ?? of,
    };
  };
  return {
    coefficient: interval(
      fits.map((fit) => 100 * Math.exp(fit.logCoefficient)),
      100 * Math.exp(law.logCoefficient),
    ),
    exponent: interval(
      fits.map(({ exponent }) => exponent),
      law.exponent,
    ),
    resamples: bootstraps,
    failed: bootstraps - fits.length,
  };
}
