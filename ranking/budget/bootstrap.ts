// Confidence intervals of a fitted law by a residual bootstrap.

import { setImmediate } from 'node:timers/promises';
import { openRandom } from '../../data/seeded-random.ts';
import { percentileBounds } from '../../data/statistics.ts';
import { type Power, fitPower } from '../../data/least-squares.ts';
import { fewestRates, type Budget, type Peak, fitBudget } from './best-rate.ts';
import type { Fit } from './calibrate.ts';

const bootstraps = 1000;

/**
 * [ours] Residual bootstrap on both levels: runs around their budget's quadratic, and budgets around the law,
 * with residuals scaled up for the fitted coefficients. The second level includes the runs' noise again, so
 * the intervals err on the wide side.
 */
export async function bootstrap(
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
  return {
    coefficient: percentileBounds(
      fits.map((fit) => 100 * Math.exp(fit.logCoefficient)),
      100 * Math.exp(law.logCoefficient),
    ),
    exponent: percentileBounds(
      fits.map(({ exponent }) => exponent),
      law.exponent,
    ),
    resamples: bootstraps,
    failed: bootstraps - fits.length,
  };
}
