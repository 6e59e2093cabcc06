// The best rate of one budget: the peak of a quadratic through its runs.

import { formatShare } from '../../run/amounts.ts';
import { fitQuadratic } from '../../data/least-squares.ts';
import type { Trial } from './calibrate.ts';

/**
 * [ours] At least this many rates at this many budgets: a quadratic has three coefficients, and a line
 * through two points proves nothing.
 */
export const fewestRates = 3;
/** [ours] Runs within this factor of each other have the same budget. */
const sameBudget = 1.1;

export interface Budget {
  flops: number;
  trials: Trial[];
  /** ln of the rates, and the results with larger being better. */
  logRates: number[];
  values: number[];
}

export function groupBudgets(trials: readonly Trial[], valueOf: (trial: Trial) => number): Budget[] {
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

export interface Peak {
  /** ln of the best rate, as a fraction. */
  logRate: number;
  residuals: number[];
}

/** The peak of a budget's quadratic, or why there is none within the tried rates. */
export function fitBudget({ logRates, values }: Budget): { peak?: Peak; reason?: string } {
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
