// Bits per byte with bootstrap intervals (Efron's percentile method) over the examples of a benchmark or the
// documents of a source. Selections are compared on the same examples, so their differences are resampled as
// pairs.

import { openRandom } from '../data/seeded-random.ts';
import { type Interval, percentileBounds } from '../data/statistics.ts';

/** An estimate, its 95% interval, and the number of examples behind it. */
export interface Estimate extends Interval {
  n: number;
}

/** Bits and bytes of every example of a benchmark (or every document of a source). */
export interface Bits {
  bits: Float64Array;
  bytes: Float64Array;
}

const resamples = 1000;

/** Bits per byte of each group, and the mean over the groups. */
export function measureBits(groups: readonly Bits[], seed: number): { groups: Estimate[]; mean: Estimate } {
  return compare(groups, undefined, seed);
}

/** How many fewer bits per byte `groups` need than `others` on the same examples: above 0 is better. */
export function measureGain(
  groups: readonly Bits[],
  others: readonly Bits[],
  seed: number,
): { groups: Estimate[]; mean: Estimate } {
  return compare(groups, others, seed);
}

function compare(
  groups: readonly Bits[],
  others: readonly Bits[] | undefined,
  seed: number,
): { groups: Estimate[]; mean: Estimate } {
  const random = openRandom(seed);
  const valueOf = (group: Bits, index: number, drawn: Uint32Array | undefined): number => {
    const other = others?.[index];
    return other === undefined ? ratio(group, drawn) : ratio(other, drawn) - ratio(group, drawn);
  };
  const samples = Array.from({ length: resamples }, () =>
    groups.map((group, index) => valueOf(group, index, draw(group.bits.length, random))),
  );
  const plain = groups.map((group, index) => valueOf(group, index, undefined));
  const examples = groups.map(({ bits }) => bits.length);
  return {
    groups: plain.map((value, index) => {
      const ofGroup = samples.map((sample) => sample[index] ?? value);
      return { value, ...percentileBounds(ofGroup, value), n: examples[index] ?? 0 };
    }),
    mean: {
      value: mean(plain),
      ...percentileBounds(samples.map(mean), mean(plain)),
      n: examples.reduce((sum, n) => sum + n, 0),
    },
  };
}

function ratio({ bits, bytes }: Bits, drawn: Uint32Array | undefined): number {
  let bitSum = 0;
  let byteSum = 0;
  for (let i = 0; i < bits.length; i++) {
    const example = drawn === undefined ? i : (drawn[i] ?? 0);
    bitSum += bits[example] ?? 0;
    byteSum += bytes[example] ?? 0;
  }
  return byteSum === 0 ? 0 : bitSum / byteSum;
}

function draw(examples: number, random: () => number): Uint32Array {
  const drawn = new Uint32Array(examples);
  for (let i = 0; i < examples; i++) drawn[i] = Math.floor(random() * examples);
  return drawn;
}

function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length;
}
