// Which cheap measures of a selection agreed with the trained models: over pairs of arms that differ by more than the
// noise of seeds, the share that the measure puts in the same order.

import { openRandom } from '../../data/seeded-random.ts';
import { type Interval, percentileBounds } from '../../data/statistics.ts';
import { noiseMargin, type SeedNoise } from './noise.ts';

/** Fewer arms say too little about a measure. */
export const fewestArms = 12;
const resamples = 1000;

export interface MeasuredArm {
  /** The trained models' loss, the mean over `seeds`. */
  loss: number;
  seeds: number;
  /** The cheap measure, higher being better. */
  measure: number;
}

export interface Agreement {
  arms: number;
  /** Pairs that differ by more than the noise. */
  pairs: number;
  /** The share of them that the measure orders as the models do, ties counting half; undefined without a pair. */
  share: Interval | undefined;
}

/** The interval is a bootstrap over the arms, because pairs share them. */
export function compareOrders(arms: readonly MeasuredArm[], noise: SeedNoise, seed: number): Agreement {
  const all = arms.map((_, index) => index);
  const margin = noiseMargin(noise);
  const plain = countPairs(arms, all, margin);
  if (plain.pairs === 0) return { arms: arms.length, pairs: 0, share: undefined };
  const random = openRandom(seed);
  const samples = Array.from({ length: resamples }, () =>
    countPairs(
      arms,
      all.map(() => Math.floor(random() * arms.length)),
      margin,
    ),
  ).filter(({ pairs }) => pairs > 0);
  const value = plain.agreeing / plain.pairs;
  return {
    arms: arms.length,
    pairs: plain.pairs,
    share: {
      value,
      ...percentileBounds(
        samples.map(({ agreeing, pairs }) => agreeing / pairs),
        value,
      ),
    },
  };
}

function countPairs(
  arms: readonly MeasuredArm[],
  drawn: readonly number[],
  margin: number,
): { pairs: number; agreeing: number } {
  const counted = { pairs: 0, agreeing: 0 };
  for (const [at, one] of drawn.entries()) {
    for (const other of drawn.slice(at + 1)) {
      const [a, b] = [arms[one], arms[other]];
      if (a === undefined || b === undefined || !differs(a, b, margin)) continue;
      counted.pairs++;
      const order = (b.loss - a.loss) * (a.measure - b.measure);
      counted.agreeing += order > 0 ? 1 : order === 0 ? 0.5 : 0;
    }
  }
  return counted;
}

/** Whether two arms' means differ by more than the noise of seeds, given its `noiseMargin`. */
export function differs(
  a: Pick<MeasuredArm, 'loss' | 'seeds'>,
  b: Pick<MeasuredArm, 'loss' | 'seeds'>,
  margin: number,
): boolean {
  return Math.abs(a.loss - b.loss) > margin * Math.sqrt(1 / a.seeds + 1 / b.seeds);
}
