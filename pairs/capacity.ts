// How many pairs a model can learn from: a hint by the model's size, and the peak of a user's own runs (Selective
// DPO, arXiv 2502.09650, section 4.3). Shares are fractions of the pairs with a known difficulty, easiest first.

import { z } from 'zod';
import { fitQuadratic } from '../data/least-squares.ts';
import { openRandom } from '../data/seeded-random.ts';
import { boundsSchema, percentileBounds } from '../data/statistics.ts';
import { formatAmount, formatShare } from '../run/amounts.ts';
import { countNumber, positiveNumber } from '../run/bounds.ts';
import { fail } from '../run/errors/errors.ts';

/** The best share of Argilla-7k for Qwen2.5, by parameters. */
export const argillaPoints = [
  { params: 3e9, keep: 0.637 },
  { params: 7e9, keep: 0.712 },
  { params: 14e9, keep: 0.813 },
] as const;

/** The best share of UltraFeedback, for all models of 7B to 9B. */
export const ultraFeedbackKeep = 0.5;

/** What the paper's models lost by it: GSM8K of Mistral-7B after training on all pairs, and on a share of them. */
export const reportedPrice = {
  all: 30.4,
  kept: [
    { keep: 0.5, gsm8k: 14.5 },
    { keep: 0.6, gsm8k: 28.6 },
  ],
} as const;

/**
 * The share on the line through `argillaPoints`, at most 1: a hint from one data set and one family of models.
 * Errors: PAIRS_SIZE where the line falls to 0.
 */
export function argillaKeep(params: number): number {
  const share = 0.506 + 0.0785 * Math.log2(params / 1e9);
  if (!(share > 0))
    throw fail('PAIRS_SIZE', { params: formatAmount(params), share: (100 * share).toFixed(0) });
  return Math.min(1, share);
}

/** Whether the line has points on both sides of this size. */
export function isBetweenArgillaPoints(params: number): boolean {
  return params >= 3e9 && params <= 14e9;
}

export const capacityRunSchema = z.strictObject({
  run: z.string(),
  /** Parameters of the model that was trained. */
  params: positiveNumber.optional(),
  points: z.array(
    z.strictObject({
      keep: positiveNumber.max(1),
      /** Share of prompts on which the trained model's answer was preferred; ties count half. */
      winRate: z.number().min(0).max(1),
      /** How many prompts were judged. */
      n: countNumber,
    }),
  ),
});
/** Models trained alike on different shares of the same pairs, and their win rates. */
export type CapacityRun = z.output<typeof capacityRunSchema>;

export const capacitySchema = z.strictObject({
  /** The mean of the runs' peaks, and its 95% interval over resampled win rates. */
  keep: z.number(),
  ...boundsSchema.shape,
  /** Share of the resamples in which a run has no peak; the interval leaves them out. */
  withoutPeak: z.number(),
  runs: z.array(
    z.strictObject({
      run: z.string(),
      peak: z.number(),
      /** a of WR(p) = ap² + bp + c. */
      curvature: z.number(),
      points: z.number().int(),
    }),
  ),
});
export type Capacity = z.output<typeof capacitySchema>;

const fewestShares = 3;
const resamples = 1000;

/** The peak of WR(p) = ap² + bp + c, fitted by least squares, or why there is none. */
export function findPeak(
  points: readonly { keep: number; winRate: number }[],
): { peak: number; curvature: number } | string {
  const keeps = points.map(({ keep }) => keep);
  const different = new Set(keeps).size;
  if (different < fewestShares)
    return (
      `it has ${different} different ${different === 1 ? 'share' : 'shares'}, and a parabola needs ` +
      `${fewestShares}`
    );
  const { curvature, peak } = fitQuadratic(
    keeps,
    points.map(({ winRate }) => winRate),
  );
  if (!(curvature < 0)) return 'its win rates do not rise to a peak and fall again';
  const [lowest, highest] = [Math.min(...keeps), Math.max(...keeps)];
  if (!(peak > lowest && peak < highest))
    return (
      `its best share would be ${(100 * peak).toFixed(0)}%, outside of the shares that were tried ` +
      `(${formatShare(lowest)} to ${formatShare(highest)})`
    );
  return { peak, curvature };
}

/**
 * The share to keep by one's own runs: the mean of their peaks. The interval redraws each win rate as `n` independent
 * judgments would fall. Errors: PAIRS_NO_PEAK, with the first run without a peak.
 */
export function fitCapacity(runs: readonly CapacityRun[]): Capacity {
  const fits = runs.map(({ run, points }) => {
    const found = findPeak(points);
    if (typeof found === 'string') throw fail('PAIRS_NO_PEAK', { run, reason: found });
    return { run, ...found, points: points.length };
  });
  const keep = meanOf(fits.map(({ peak }) => peak));
  const random = openRandom(1);
  // Box and Muller.
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  const redraw = ({ keep, winRate, n }: CapacityRun['points'][number]): { keep: number; winRate: number } => {
    // Half a judgment of each kind, so that a win rate of 0 or 1 is not taken for certain.
    const smoothed = (winRate * n + 0.5) / (n + 1);
    return { keep, winRate: winRate + normal() * Math.sqrt((smoothed * (1 - smoothed)) / n) };
  };
  const means: number[] = [];
  for (let resample = 0; resample < resamples; resample++) {
    const peaks = runs.map(({ points }) => findPeak(points.map(redraw)));
    const found = peaks.flatMap((peak) => (typeof peak === 'string' ? [] : [peak.peak]));
    if (found.length === runs.length) means.push(meanOf(found));
  }
  return { keep, ...percentileBounds(means, keep), withoutPeak: 1 - means.length / resamples, runs: fits };
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
