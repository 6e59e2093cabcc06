// The n smallest of a stream of 64-bit numbers, in memory for 2n. This makes a sample independent of the
// order of documents.

/** The numbers added so far; equal numbers count once. */
export interface Smallest {
  wanted: number;
  values: BigUint64Array;
  held: number;
  /** No number above this can still be among the smallest. */
  cutoff: bigint;
}

const largest = 2n ** 64n - 1n;
const leastRoom = 65_536;

export function openSmallest(wanted: number): Smallest {
  return { wanted, values: new BigUint64Array(Math.max(2 * wanted, leastRoom)), held: 0, cutoff: largest };
}

/** Adds a number and returns whether it may be among the smallest. */
export function offer(smallest: Smallest, value: bigint): boolean {
  if (value > smallest.cutoff) return false;
  if (smallest.held === smallest.values.length) settle(smallest);
  if (value > smallest.cutoff) return false;
  smallest.values[smallest.held++] = value;
  return true;
}

/**
 * Drops all numbers that cannot be among the smallest, and lowers the cutoff to the largest number kept.
 * Afterwards, exactly the numbers up to the cutoff are the smallest.
 */
export function settle(smallest: Smallest): void {
  const { values, wanted } = smallest;
  values.subarray(0, smallest.held).sort();
  let kept = 0;
  for (let i = 0; i < smallest.held && kept < wanted; i++) {
    const value = values[i] ?? 0n;
    if (kept === 0 || value !== values[kept - 1]) values[kept++] = value;
  }
  smallest.held = kept;
  if (kept === wanted) smallest.cutoff = values[kept - 1] ?? largest;
}
