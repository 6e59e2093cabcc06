// Whether the order of the arms depends on the learning rate.

import { differs } from './cheap-measures.ts';
import { noiseMargin, type SeedNoise } from './noise.ts';

/** An arm's mean loss at one learning rate. */
export interface ArmLoss {
  arm: string;
  loss: number;
  seeds: number;
}

export interface Flips {
  /** Pairs of arms that differ by more than the noise at both learning rates. */
  pairs: number;
  /** Those that change places: the better arm at the first learning rate, and the better one at the second. */
  flipped: [string, string][];
}

/** Compares the arms that both learning rates have. */
export function findFlips(
  first: { arms: readonly ArmLoss[]; noise: SeedNoise },
  second: { arms: readonly ArmLoss[]; noise: SeedNoise },
): Flips {
  const others = new Map(second.arms.map((one) => [one.arm, one]));
  const [margin, otherMargin] = [noiseMargin(first.noise), noiseMargin(second.noise)];
  const flips: Flips = { pairs: 0, flipped: [] };
  for (const [at, a] of first.arms.entries()) {
    for (const b of first.arms.slice(at + 1)) {
      const [otherA, otherB] = [others.get(a.arm), others.get(b.arm)];
      if (otherA === undefined || otherB === undefined) continue;
      if (!differs(a, b, margin) || !differs(otherA, otherB, otherMargin)) continue;
      flips.pairs++;
      if (a.loss < b.loss && otherA.loss > otherB.loss) flips.flipped.push([a.arm, b.arm]);
      if (a.loss > b.loss && otherA.loss < otherB.loss) flips.flipped.push([b.arm, a.arm]);
    }
  }
  return flips;
}
