// The bootstrap of a trial (docs/method.md, "Trials"). All runs are measured on the same items, so a resample
// draws the items once for all of them. Seeds are few, so each resample draws its deviations from those of all
// arms together, scaled up for the means that were estimated.

import type { Bits } from '../bits.ts';
import { openRandom } from '../../data/seeded-random.ts';
import { type Interval, percentileBounds } from '../../data/statistics.ts';

const resamples = 1000;

/** One number for each run. */
export type RunValues = Float64Array;

/** Values of the runs on all items, and on each resample of the items. */
export interface ResampledRuns {
  plain: RunValues;
  samples: readonly RunValues[];
}

/**
 * Bits per byte of every run on every set: `runs[run][set]`, where all runs have the same items in the same order.
 * Returns the values for each set. The same sets give the same draws, whatever the bits are, so results at several
 * readings or learning rates are comparable.
 */
export function resampleItems(
  runs: readonly (readonly Bits[])[],
  seed: number,
  draws = resamples,
): ResampledRuns[] {
  const sets = runs[0]?.length ?? 0;
  return Array.from({ length: sets }, (_, set) => {
    const own = runs.map((bits) => bits[set] ?? { bits: new Float64Array(0), bytes: new Float64Array(0) });
    const items = own[0]?.bits.length ?? 0;
    const random = openRandom(seed + set);
    const counts = new Float64Array(items).fill(1);
    const plain = ratios(own, counts);
    const samples = Array.from({ length: draws }, () => {
      counts.fill(0);
      for (let i = 0; i < items; i++) {
        const item = Math.floor(random() * items);
        counts[item] = (counts[item] ?? 0) + 1;
      }
      return ratios(own, counts);
    });
    return { plain, samples };
  });
}

/** Bits per byte of each run, where item i counts `counts[i]` times. */
function ratios(runs: readonly Bits[], counts: Float64Array): RunValues {
  return Float64Array.from(runs, ({ bits, bytes }) => {
    let bitSum = 0;
    let byteSum = 0;
    for (let i = 0; i < counts.length; i++) {
      const count = counts[i] ?? 0;
      bitSum += count * (bits[i] ?? 0);
      byteSum += count * (bytes[i] ?? 0);
    }
    return byteSum === 0 ? 0 : bitSum / byteSum;
  });
}

/** The mean over several sets, each with equal weight. */
export function meanOverSets(sets: readonly ResampledRuns[]): ResampledRuns {
  const runs = sets[0]?.plain.length ?? 0;
  const average = (pick: (set: ResampledRuns) => RunValues | undefined): RunValues => {
    const values = sets.map(pick);
    return Float64Array.from({ length: runs }, (_, run) => mean(values.map((of) => of?.[run] ?? 0)));
  };
  return {
    plain: average(({ plain }) => plain),
    samples: (sets[0]?.samples ?? []).map((_, at) => average(({ samples }) => samples[at])),
  };
}

/** The runs of an arm, by seed. An arm of several random draws has several runs of each seed. */
export type ArmRuns = ReadonlyMap<number, readonly number[]>;

/** An arm's value with its interval over items and seeds, and all resamples, for what is derived from it. */
export interface ArmEstimate extends Interval {
  seeds: number;
  samples: Float64Array;
}

/** Estimates each arm's mean over its seeds. */
export function estimateArms(runs: ResampledRuns, arms: readonly ArmRuns[], seed: number): ArmEstimate[] {
  return estimate(runs, arms, (values, arm) => bySeed(values, arm), seed);
}

/**
 * Estimates how much lower each arm's value is than the baseline's with the same seeds: above 0 is better for bits.
 * An arm without a seed in common with the baseline has `seeds: 0` and no meaning.
 */
export function estimateGains(
  runs: ResampledRuns,
  arms: readonly ArmRuns[],
  baseline: ArmRuns,
  seed: number,
): ArmEstimate[] {
  return estimate(
    runs,
    arms,
    (values, arm) => {
      if (arm === baseline) return [];
      const base = new Map(bySeed(values, baseline));
      return bySeed(values, arm).flatMap(([key, value]): [number, number][] => {
        const other = base.get(key);
        return other === undefined ? [] : [[key, other - value]];
      });
    },
    seed,
  );
}

function bySeed(values: RunValues, arm: ArmRuns): [number, number][] {
  return [...arm].map(([seed, own]) => [
    seed,
    own.reduce((sum, run) => sum + (values[run] ?? 0), 0) / own.length,
  ]);
}

/** What each arm has at each seed, given the values of all runs. */
type Reading = (values: RunValues, arm: ArmRuns) => [number, number][];

function estimate(
  { plain, samples }: ResampledRuns,
  arms: readonly ArmRuns[],
  read: Reading,
  seed: number,
): ArmEstimate[] {
  const random = openRandom(seed);
  const found = arms.map(() => new Float64Array(samples.length));
  for (const [at, values] of samples.entries()) {
    const ofArms = arms.map((arm) => read(values, arm).map(([, value]) => value));
    const pool = ofArms.flatMap(deviations);
    for (const [index, own] of ofArms.entries()) {
      let drawn = 0;
      for (let i = 0; i < own.length && pool.length > 0; i++)
        drawn += pool[Math.floor(random() * pool.length)] ?? 0;
      const into = found[index];
      if (into !== undefined) into[at] = mean(own) + (own.length === 0 ? 0 : drawn / own.length);
    }
  }
  return arms.map((arm, index) => {
    const own = read(plain, arm).map(([, value]) => value);
    const of = found[index] ?? new Float64Array(0);
    const value = mean(own);
    return { value, ...percentileBounds([...of], value), seeds: own.length, samples: of };
  });
}

/** Deviations from the mean, scaled so that their mean square is the unbiased variance; none for one value. */
function deviations(values: readonly number[]): number[] {
  if (values.length < 2) return [];
  const middle = mean(values);
  const scale = Math.sqrt(values.length / (values.length - 1));
  return values.map((value) => scale * (value - middle));
}

export function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
