// The bootstrap of a trial (docs/method.md, "Trials"). All runs are measured on the same items, so a resample
// draws the items once for all of them. Seeds are too few to resample: their noise is pooled over the arms, and each
// resample adds a deviation from Student's t distribution, as wide as that noise.

import type { Bits } from '../bits.ts';
import { openRandom } from '../../data/seeded-random.ts';
import { type Interval, percentileBounds } from '../../data/statistics.ts';
import { mean, poolNoise, type SeedNoise } from './noise.ts';

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
  const noise = poolNoise(arms.map((arm) => [...bySeed(runs.plain, arm).values()]));
  return estimate(runs, arms, seed, (arm) => ({
    seeds: arm.size,
    noise,
    error: 1 / Math.sqrt(arm.size),
    read: (values) => mean([...bySeed(values, arm).values()]),
  }));
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
  const tables = [...new Set([...arms, baseline])].map((arm) => bySeed(runs.plain, arm));
  const ofAll = noiseWithinSeeds(tables);
  return estimate(runs, arms, seed, (arm) => {
    const common = arm === baseline ? [] : [...arm.keys()].filter((key) => baseline.has(key));
    return {
      seeds: common.length,
      noise: ofAll ?? noiseWithinSeeds([arm, baseline].map((one) => bySeed(runs.plain, one))),
      error: Math.sqrt(2 / common.length),
      read(values) {
        const [own, base] = [bySeed(values, arm), bySeed(values, baseline)];
        return mean(common.map((key) => (base.get(key) ?? 0) - (own.get(key) ?? 0)));
      },
    };
  });
}

/** An arm's value at each seed. */
function bySeed(values: RunValues, arm: ArmRuns): Map<number, number> {
  return new Map([...arm].map(([seed, own]) => [seed, mean(own.map((run) => values[run] ?? 0))]));
}

/**
 * The noise that is left when what all arms have in common at a seed is taken away: deviations from the means of arms
 * and of seeds, over the seeds that all arms have. Undefined with fewer than two arms or seeds.
 */
function noiseWithinSeeds(arms: readonly ReadonlyMap<number, number>[]): SeedNoise | undefined {
  const [first] = arms;
  const seeds = [...(first?.keys() ?? [])].filter((seed) => arms.every((arm) => arm.has(seed)));
  const freedom = (arms.length - 1) * (seeds.length - 1);
  if (arms.length < 2 || freedom < 1) return undefined;
  const rows = arms.map((arm) => seeds.map((seed) => arm.get(seed) ?? 0));
  const ofArms = rows.map(mean);
  const ofSeeds = seeds.map((_, at) => mean(rows.map((row) => row[at] ?? 0)));
  const all = mean(ofArms);
  let squares = 0;
  for (const [a, row] of rows.entries())
    for (const [s, value] of row.entries())
      squares += (value - (ofArms[a] ?? 0) - (ofSeeds[s] ?? 0) + all) ** 2;
  return { deviation: Math.sqrt(squares / freedom), freedom };
}

/** How an arm is estimated: its value given those of all runs, and its standard error for a noise of 1. */
interface Estimated {
  seeds: number;
  noise: SeedNoise | undefined;
  error: number;
  read: (values: RunValues) => number;
}

function estimate(
  { plain, samples }: ResampledRuns,
  arms: readonly ArmRuns[],
  seed: number,
  open: (arm: ArmRuns) => Estimated,
): ArmEstimate[] {
  return arms.map((arm, index) => {
    const { seeds, noise, error, read } = open(arm);
    // The same draws for an arm whatever the values are: its curve moves as a whole.
    const student = openStudent(openRandom(seed + index), noise?.freedom ?? 0);
    const scale = seeds === 0 ? 0 : (noise?.deviation ?? 0) * error;
    const value = read(plain);
    const drawn = Float64Array.from(samples, (sample) => read(sample) + scale * student());
    return { value, ...percentileBounds([...drawn], value), seeds, samples: drawn };
  });
}

/** Beyond this many degrees of freedom, the distribution is taken for the normal one. */
const almostNormal = 60;

/** Numbers from Student's t distribution; 0 without a degree of freedom. */
function openStudent(random: () => number, freedom: number): () => number {
  // Box and Muller.
  const normal = (): number => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  if (freedom < 1) return () => 0;
  if (freedom > almostNormal) return normal;
  return () => {
    let squares = 0;
    for (let i = 0; i < freedom; i++) squares += normal() ** 2;
    return normal() / Math.sqrt(squares / freedom);
  };
}
