// What changes without each family of models: models of a family are not independent, and one family may
// carry the result.

import { estimateRows, type EstimateSettings, leaveOut } from './draws.ts';
import { prepareDraw } from './estimate.ts';
import type { RowSample } from './row-sample.ts';
import { capsOf, weigh } from './weights.ts';

export interface FamilyEffect {
  family: string;
  models: number;
  /**
   * Without the family: the share of the weight that moves to other domains, and the largest change in any
   * estimate.
   */
  moved: number;
  largestChange: number;
}

/** Fewer models are not informative once a family is removed. */
const fewestLeft = 3;

/**
 * The effect of leaving out each family, largest first. `families` are by model. Empty if there is only one
 * family.
 */
export function leaveFamiliesOut(
  sample: RowSample,
  errors: Float64Array,
  families: readonly string[],
  settings: EstimateSettings,
): FamilyEffect[] {
  const models = errors.length;
  const members = new Map<string, number[]>();
  for (const [model, family] of families.entries())
    members.set(family, [...(members.get(family) ?? []), model]);
  const usable = [...members].filter(([, left]) => models - left.length >= fewestLeft);
  const draws = [[], ...usable.map(([, left]) => left)].map((left) =>
    prepareDraw(settings.estimator, settings.ties, errors, leaveOut(models, left)),
  );
  const [all = new Float64Array(), ...without] = estimateRows(sample, draws, models, settings);
  const weightsOf = (estimates: Float64Array): Float64Array =>
    weigh(
      settings.weights,
      estimates,
      capsOf(sample.tokens, settings.keepRate, settings.repeat),
      sample.names,
    );
  const weights = weightsOf(all);
  const effects = usable.map(([family, left], at) => {
    const estimates = without[at] ?? all;
    const other = weightsOf(estimates);
    return {
      family,
      models: left.length,
      moved: weights.reduce((sum, weight, domain) => sum + Math.abs(weight - (other[domain] ?? 0)), 0) / 2,
      largestChange: all.reduce(
        (most, estimate, domain) => Math.max(most, Math.abs(estimate - (estimates[domain] ?? 0))),
        0,
      ),
    };
  });
  return effects.sort(
    (a, b) => b.moved - a.moved || b.largestChange - a.largestChange || (a.family < b.family ? -1 : 1),
  );
}
