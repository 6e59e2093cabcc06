// The slow, obvious version of kneser-ney.ts: n-grams as text, every count computed from its definition.

import {
  discountOf,
  type Discounts,
  estimateDiscounts,
  type NgramModel,
  type Sequence,
} from '../../evaluation/kneser-ney.ts';

/** The model of the sequences, for n-grams of up to `order` symbols. */
export function trainSlowly(sequences: readonly Sequence[], order: number): NgramModel {
  const padded = sequences.map((sequence) => [
    ...Array.from({ length: order - 1 }, () => 'start'),
    ...Array.from(sequence, String),
  ]);
  /** All n-grams of n symbols that end in a symbol of a sequence, repeated as often as they occur. */
  const list = (n: number): string[][] =>
    padded.flatMap((symbols) =>
      symbols.slice(order - 1).map((_, i) => symbols.slice(i + order - n, i + order)),
    );
  const orders = Array.from({ length: order }, (_, index) =>
    countOrder(list(index + 1), index + 2 <= order ? list(index + 2) : undefined),
  );
  const probability = (n: number, history: readonly string[], symbol: string, base: number): number => {
    if (n === 0) return base;
    const lower = probability(n - 1, history.slice(1), symbol, base);
    const { counts, discounts } = orders[n - 1] ?? {
      counts: new Map<string, number>(),
      discounts: [0, 0, 0],
    };
    const prefix = [...history, ''].join(' ');
    const followers = [...counts].filter(([gram]) => gram.startsWith(prefix) && gram.split(' ').length === n);
    const total = followers.reduce((sum, [, count]) => sum + count, 0);
    if (total === 0) return lower;
    const count = counts.get(`${prefix}${symbol}`) ?? 0;
    const left = followers.reduce((sum, [, each]) => sum + discountOf(discounts, each), 0);
    return (count - discountOf(discounts, count) + left * lower) / total;
  };
  return {
    sumLog2(sequence, base) {
      const symbols = [...Array.from({ length: order - 1 }, () => 'start'), ...Array.from(sequence, String)];
      return Array.from(sequence, (symbol, at) =>
        Math.log2(probability(order, symbols.slice(at, at + order - 1), String(symbol), base(at))),
      ).reduce((a, b) => a + b, 0);
    },
  };
}

/**
 * Counts of one order's n-grams: occurrences at the highest order (`longer` undefined) and after a start,
 * otherwise the number of distinct symbols before them.
 */
function countOrder(
  grams: readonly string[][],
  longer: readonly string[][] | undefined,
): { counts: Map<string, number>; discounts: Discounts } {
  const counts = new Map<string, number>();
  for (const gram of grams) {
    const name = gram.join(' ');
    if (longer === undefined || gram[0] === 'start') counts.set(name, (counts.get(name) ?? 0) + 1);
    else
      counts.set(
        name,
        new Set(longer.filter((long) => long.slice(1).join(' ') === name).map(([first]) => first)).size,
      );
  }
  const withCount = [0, 1, 2, 3, 4].map(
    (wanted) => [...counts.values()].filter((count) => count === wanted).length,
  );
  return { counts, discounts: estimateDiscounts(withCount) };
}
