// An n-gram language model with interpolated modified Kneser-Ney smoothing (Chen and Goodman 1999, "An
// empirical study of smoothing techniques for language modeling", section 4.1). The highest order counts
// occurrences of an n-gram, a lower order the distinct symbols before it. N-grams at the start of a sequence
// have nothing before them and keep their occurrences (as in KenLM). The caller gives a base distribution
// below the unigrams, so every symbol has a probability. `test/evaluation/kneser-ney-slowly.ts` is the plain
// reference.

import { openPairTable, openTally, type PairTable, type Tally } from './ngram-tables.ts';

/** Symbols are integers from 0. */
export type Sequence = ArrayLike<number>;

export interface NgramTrainer {
  /** Adds a sequence. */
  add(sequence: Sequence): void;
  /** Returns the model of the sequences added; the trainer must not be used afterwards. */
  finish(): NgramModel;
}

export interface NgramModel {
  /**
   * Σ log2 of each symbol's probability given those before it; `base(i)` is the base probability of symbol i
   * of the sequence.
   */
  sumLog2(sequence: Sequence, base: (at: number) => number): number;
}

/** The n-grams of one order with their counts. */
interface Grams {
  table: PairTable;
  counts: Tally;
}

const startSymbol = -1;

/** Opens a trainer for n-grams of up to `order` symbols. */
export function openTrainer(order: number): NgramTrainer {
  const orders: Grams[] = Array.from({ length: order }, () => ({
    table: openPairTable(),
    counts: openTally(),
  }));
  const begin = beginSequence(orders);
  return {
    add(sequence) {
      // Invariant: before[n] is the number of the n-gram that ends before the current symbol (before[0]: the
      // empty one).
      let before = begin;
      for (let at = 0; at < sequence.length; at++) before = count(orders, before, sequence[at] ?? 0, at);
    },
    finish: () => openModel(orders.map(smooth), begin),
  };
}

/** The n-grams of start symbols that precede the first symbol of a sequence. */
function beginSequence(orders: readonly Grams[]): Int32Array {
  const begin = new Int32Array(orders.length);
  for (let n = 1; n < orders.length; n++)
    begin[n] = orders[n - 1]?.table.add(begin[n - 1] ?? 0, startSymbol) ?? 0;
  return begin;
}

/**
 * Counts the n-grams of all orders that end with `symbol` at place `at`, and returns them as contexts of the
 * next symbol.
 */
function count(orders: readonly Grams[], before: Int32Array, symbol: number, at: number): Int32Array {
  const ending = new Int32Array(orders.length);
  // The first occurrence of a longer n-gram adds one distinct symbol before its suffix.
  let longerIsNew = true;
  for (let n = orders.length; n >= 1; n--) {
    const grams = orders[n - 1];
    if (grams === undefined) break;
    const known = grams.table.size();
    const gram = grams.table.add(before[n - 1] ?? 0, symbol);
    const beginsWithStart = at < n - 1;
    if (n === orders.length || beginsWithStart || longerIsNew) grams.counts.increment(gram);
    longerIsNew = gram === known;
    if (n < orders.length) ending[n] = gram;
  }
  return ending;
}

interface SmoothedOrder {
  table: PairTable;
  counts: Tally;
  /**
   * For each context: the sum of its n-grams' counts, and the mass that the discounts leave for lower
   * orders.
   */
  totals: Float64Array;
  left: Float64Array;
  discounts: Discounts;
}

/** Discounts of counts of 1, of 2, and of 3 or more. */
export type Discounts = readonly [one: number, two: number, more: number];

function smooth({ table, counts }: Grams): SmoothedOrder {
  const withCount = [0, 0, 0, 0, 0];
  let contexts = 0;
  for (let gram = 0; gram < table.size(); gram++) {
    const gramCount = counts.at(gram);
    if (gramCount < withCount.length) withCount[gramCount] = (withCount[gramCount] ?? 0) + 1;
    contexts = Math.max(contexts, table.contextOf(gram) + 1);
  }
  const discounts = estimateDiscounts(withCount);
  const totals = new Float64Array(contexts);
  const left = new Float64Array(contexts);
  for (let gram = 0; gram < table.size(); gram++) {
    const context = table.contextOf(gram);
    const gramCount = counts.at(gram);
    totals[context] = (totals[context] ?? 0) + gramCount;
    left[context] = (left[context] ?? 0) + discountOf(discounts, gramCount);
  }
  return { table, counts, totals, left, discounts };
}

/**
 * The discounts from n1 … n4, the numbers of n-grams with a count of 1 … 4 (Chen and Goodman 1999, equation
 * 17): D_i = i − (i + 1)·Y·n_(i+1)/n_i, Y = n1/(n1 + 2·n2). **[ours]** If the sample is too small for that
 * (a number is 0, or a discount is not between 0 and i), D_i = i/2.
 */
export function estimateDiscounts(withCount: readonly number[]): Discounts {
  const [, n1 = 0, n2 = 0] = withCount;
  const y = n1 / (n1 + 2 * n2);
  const discount = (i: number): number => {
    const estimate = i - ((i + 1) * y * (withCount[i + 1] ?? 0)) / (withCount[i] ?? 0);
    return estimate > 0 && estimate < i ? estimate : i / 2;
  };
  return [discount(1), discount(2), discount(3)];
}

/** The discount of a count. */
export function discountOf([one, two, more]: Discounts, gramCount: number): number {
  return gramCount === 0 ? 0 : gramCount === 1 ? one : gramCount === 2 ? two : more;
}

function openModel(orders: readonly SmoothedOrder[], begin: Int32Array): NgramModel {
  return {
    sumLog2(sequence, base) {
      let before = begin;
      let sum = 0;
      for (let at = 0; at < sequence.length; at++) {
        const symbol = sequence[at] ?? 0;
        const ending = new Int32Array(orders.length);
        let probability = base(at);
        for (const [index, order] of orders.entries()) {
          // -1: the context is unknown, and so is every longer one.
          const context = before[index] ?? -1;
          const gram = context < 0 ? -1 : order.table.find(context, symbol);
          probability = interpolate(order, context, gram, probability);
          if (index + 1 < orders.length) ending[index + 1] = gram;
        }
        sum += Math.log2(probability);
        before = ending;
      }
      return sum;
    },
  };
}

function interpolate(
  { counts, totals, left, discounts }: SmoothedOrder,
  context: number,
  gram: number,
  lower: number,
): number {
  const total = context < 0 ? 0 : (totals[context] ?? 0);
  if (total === 0) return lower;
  const gramCount = gram < 0 ? 0 : counts.at(gram);
  return (gramCount - discountOf(discounts, gramCount) + (left[context] ?? 0) * lower) / total;
}
