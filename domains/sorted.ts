// Sorts a domain's models by loss and ranks them. Typed arrays and a merge sort, because this runs once per
// domain, for up to millions of domains.

/**
 * How equal values are ranked: by their middle rank, or one after the other in model order or in reverse
 * order (as argsort does).
 */
export const tiePolicies = ['mid', 'ordinal', 'ordinal-reversed'] as const;

export type Ties = (typeof tiePolicies)[number];

/** A domain's models, sorted by loss. */
export interface Sorted {
  /** Loss of each model. */
  values: Float64Array;
  order: Int32Array;
  /** 1 where the rank differs from that of the previous place in `order`. */
  starts: Uint8Array;
  scratch: Int32Array;
  /** sign_sign: sums of counts by level, as a Fenwick tree. */
  tree: Float64Array;
}

export function openSorted(models: number): Sorted {
  return {
    values: new Float64Array(models),
    order: Int32Array.from({ length: models }, (_, model) => model),
    starts: new Uint8Array(models),
    scratch: new Int32Array(models),
    tree: new Float64Array(models + 1),
  };
}

const runLength = 12;

/**
 * Sorts the models by `values` (all finite), equal ones by model number. The current order does not affect
 * the result.
 */
export function sortModels(sorted: Sorted, ties: Ties): void {
  const { values, order, starts, scratch } = sorted;
  const n = order.length;
  const turn = ties === 'ordinal-reversed' ? -1 : 1;
  for (let start = 0; start < n; start += runLength)
    sortRun(values, order, start, Math.min(n, start + runLength), turn);
  for (let width = runLength; width < n; width *= 2) {
    scratch.set(order);
    for (let start = 0; start + width < n; start += 2 * width)
      mergeRuns(values, scratch, order, start, start + width, Math.min(n, start + 2 * width), turn);
  }
  starts[0] = 1;
  const apart = ties !== 'mid';
  for (let i = 1; i < n; i++)
    starts[i] = apart || values[order[i] ?? 0] !== values[order[i - 1] ?? 0] ? 1 : 0;
}

function sortRun(values: Float64Array, order: Int32Array, start: number, end: number, turn: number): void {
  for (let i = start + 1; i < end; i++) {
    const model = order[i] ?? 0;
    const value = values[model] ?? 0;
    let j = i - 1;
    for (; j >= start; j--) {
      const other = order[j] ?? 0;
      const otherValue = values[other] ?? 0;
      if (otherValue < value || (otherValue === value && (other - model) * turn < 0)) break;
      order[j + 1] = other;
    }
    order[j + 1] = model;
  }
}

/** Merges the sorted ranges from[start, middle) and from[middle, end) into `to`. */
function mergeRuns(
  values: Float64Array,
  from: Int32Array,
  to: Int32Array,
  start: number,
  middle: number,
  end: number,
  turn: number,
): void {
  let left = start;
  let right = middle;
  for (let i = start; i < end; i++) {
    const a = from[left] ?? 0;
    const b = from[right] ?? 0;
    const valueA = values[a] ?? 0;
    const valueB = values[b] ?? 0;
    const takeLeft =
      left < middle && (right >= end || valueA < valueB || (valueA === valueB && (a - b) * turn < 0));
    if (takeLeft) left++;
    else right++;
    to[i] = takeLeft ? a : b;
  }
}

/**
 * Rank of each model, from 1. A model that counts n times takes n ranks; equal values share their middle
 * rank.
 */
export function ranksOf({ order, starts }: Sorted, counts: Float64Array): Float64Array {
  const ranks = new Float64Array(order.length);
  let before = 0;
  for (let start = 0; start < order.length;) {
    let end = start;
    let group = 0;
    do group += counts[order[end++] ?? 0] ?? 0;
    while (end < order.length && starts[end] === 0);
    for (const model of order.subarray(start, end)) ranks[model] = before + (group + 1) / 2;
    before += group;
    start = end;
  }
  return ranks;
}
