// Krippendorff's alpha for nominal data with missing values (Krippendorff 2011, "Computing Krippendorff's
// Alpha-Reliability"), and its bootstrap interval.

import { type Bounds, percentileBounds } from '../../data/statistics.ts';
import { openRandom } from '../../data/seeded-random.ts';

export interface Alpha {
  /** 1 for perfect agreement, 0 for chance; null if all values are the same, which leaves it undefined. */
  alpha: number | null;
  /**
   * Observed agreement, 1 − Dₒ of alpha: the share of equal pairs of values within units, in which each unit has
   * the weight of its number of values.
   */
  observed: number;
  /** Units with at least two values; the others say nothing about agreement. */
  units: number;
}

/** Alpha over units; each is the list of the values that it got. Null if no unit has two values. */
export function krippendorffAlpha(units: readonly (readonly string[])[]): Alpha | null {
  const paired = units.filter(({ length }) => length > 1);
  if (paired.length === 0) return null;
  const totals = new Map<string, number>();
  let values = 0;
  let disagreeing = 0;
  for (const unit of paired) {
    const counts = new Map<string, number>();
    for (const value of unit) {
      counts.set(value, (counts.get(value) ?? 0) + 1);
      totals.set(value, (totals.get(value) ?? 0) + 1);
    }
    const all = unit.length * (unit.length - 1);
    const equal = [...counts.values()].reduce((sum, count) => sum + count * (count - 1), 0);
    values += unit.length;
    disagreeing += (all - equal) / (unit.length - 1);
  }
  const expected = values * values - [...totals.values()].reduce((sum, count) => sum + count * count, 0);
  return {
    alpha: expected === 0 ? null : 1 - ((values - 1) * disagreeing) / expected,
    observed: 1 - disagreeing / values,
    units: paired.length,
  };
}

/** [ours] With fewer units, resampling them says nothing. */
const leastUnits = 10;
const resamples = 1_000;

/**
 * A seeded 95% percentile bootstrap over units (as Zapf and others 2016 recommend); null if there are too
 * few units or alpha is undefined. A resample whose values are all the same has no alpha and counts as 0, as in
 * Krippendorff 2006, "Bootstrapping Distributions for Krippendorff's Alpha".
 */
export function alphaInterval(units: readonly (readonly string[])[], seed: number): Bounds | null {
  const paired = units.filter(({ length }) => length > 1);
  const alpha = krippendorffAlpha(paired)?.alpha ?? null;
  if (alpha === null || paired.length < leastUnits) return null;
  const random = openRandom(seed);
  const found = Array.from(
    { length: resamples },
    () => krippendorffAlpha(paired.map(() => paired[Math.floor(random() * paired.length)] ?? []))?.alpha ?? 0,
  );
  return percentileBounds(found, alpha);
}
