// A linear Bradley-Terry model of preferences (Bradley and Terry 1952): the probability that an answer is preferred is
// the logistic function of the difference of two scores. An answer's score is the sum of the weights of the words and
// word pairs in it, divided by the root of its length. Promises: the same pairs and seed give the same bits.

import { openBags } from '../classifier/bag.ts';
import { priorNgrams } from '../classifier/features.ts';
import { openRandom, shuffle } from '../data/seeded-random.ts';

const bits = 18;
/** Results on a thousand pairs hardly depend on these: accuracies differ by half a percent (docs/method.md). */
const epochs = 5;
const rate = 0.05;

/** The features of the chosen answer without those of the rejected one. */
export interface AnswerDifference {
  bins: Uint32Array;
  values: Float32Array;
}

/** Opens a function that compares two answers in UTF-8. */
export function openDifferences(): (chosen: Uint8Array, rejected: Uint8Array) => AnswerDifference {
  const { bags, add } = openBags(2, bits);
  const sums = new Float32Array(2 ** bits);
  return (chosen, rejected) => {
    add(0, chosen);
    add(1, rejected);
    const found: number[] = [];
    for (const [side, features] of bags.features.entries()) {
      // Rounded, so that what both answers have cancels out.
      const value = Math.fround((side === 0 ? 1 : -1) / Math.sqrt((bags.ngrams[side] ?? 0) + priorNgrams));
      for (const feature of features) {
        // How often it occurs says little more than that it does.
        const bin = feature & 0xff_ffff;
        if (sums[bin] === 0) found.push(bin);
        sums[bin] = (sums[bin] ?? 0) + value;
      }
    }
    const bins = Uint32Array.from(found);
    const values = Float32Array.from(bins, (bin) => sums[bin] ?? 0);
    for (const bin of bins) sums[bin] = 0;
    return { bins, values };
  };
}

/** The margin of a pair: the score of the chosen answer minus that of the rejected one. */
export function marginUnder(weights: Float32Array, { bins, values }: AnswerDifference): number {
  let margin = 0;
  for (let i = 0; i < bins.length; i++) margin += (weights[bins[i] ?? 0] ?? 0) * (values[i] ?? 0);
  return margin;
}

/** Learns weights by AdaGrad on the logistic loss of these pairs. */
export function learnPreferences(pairs: readonly AnswerDifference[], seed: number): Float32Array {
  const weights = new Float32Array(2 ** bits);
  const squares = new Float32Array(2 ** bits).fill(1e-6);
  const random = openRandom(seed);
  const order = Uint32Array.from(pairs.keys());
  for (let epoch = 0; epoch < epochs; epoch++) {
    shuffle(order, random);
    for (const at of order) {
      const pair = pairs[at];
      if (pair !== undefined) step(weights, squares, pair);
    }
  }
  return weights;
}

function step(weights: Float32Array, squares: Float32Array, pair: AnswerDifference): void {
  const { bins, values } = pair;
  const slope = -1 / (1 + Math.exp(marginUnder(weights, pair)));
  for (let i = 0; i < bins.length; i++) {
    const bin = bins[i] ?? 0;
    const gradient = slope * (values[i] ?? 0);
    const square = (squares[bin] ?? 0) + gradient * gradient;
    squares[bin] = square;
    weights[bin] = (weights[bin] ?? 0) - (rate * gradient) / Math.sqrt(square);
  }
}
