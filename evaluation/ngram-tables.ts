// N-gram counts in flat tables. An n-gram is identified by the number of its context (all its symbols but the
// last) and its last symbol, so every order is one hash table of integer pairs.

export interface PairTable {
  /** The number of a pair; a new pair gets the next number: 0, 1, 2, … */
  add(context: number, symbol: number): number;
  /** The number of a pair; -1 if it is unknown. */
  find(context: number, symbol: number): number;
  /** The context of the pair with this number. */
  contextOf(pair: number): number;
  size(): number;
}

/** Opens an empty table. */
export function openPairTable(): PairTable {
  let slots = new Int32Array(1 << 12).fill(-1);
  let contexts = new Int32Array(1 << 11);
  let symbols = new Int32Array(1 << 11);
  let size = 0;

  // Invariant: slots has a power of two as its length and is at most half full, so every probe ends.
  const place = (context: number, symbol: number): number => {
    const mask = slots.length - 1;
    for (let at = hashPair(context, symbol) & mask; ; at = (at + 1) & mask) {
      const pair = slots[at] ?? -1;
      if (pair < 0 || (contexts[pair] === context && symbols[pair] === symbol)) return at;
    }
  };
  const grow = (): void => {
    contexts = withLength(contexts, 2 * size);
    symbols = withLength(symbols, 2 * size);
    slots = new Int32Array(4 * size).fill(-1);
    for (let pair = 0; pair < size; pair++) slots[place(contexts[pair] ?? 0, symbols[pair] ?? 0)] = pair;
  };
  return {
    add(context, symbol) {
      const at = place(context, symbol);
      const known = slots[at] ?? -1;
      if (known >= 0) return known;
      contexts[size] = context;
      symbols[size] = symbol;
      slots[at] = size++;
      if (size === contexts.length) grow();
      return size - 1;
    },
    find: (context, symbol) => slots[place(context, symbol)] ?? -1,
    contextOf: (pair) => contexts[pair] ?? 0,
    size: () => size,
  };
}

function hashPair(context: number, symbol: number): number {
  const mixed = Math.imul(Math.imul(context, 0x9e3779b1) ^ Math.imul(symbol, 0x85ebca6b), 0xc2b2ae35);
  return mixed ^ (mixed >>> 15);
}

function withLength(values: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const longer = new Int32Array(length);
  longer.set(values);
  return longer;
}

/** A growing array of integers that start at 0. */
export interface Tally {
  /** Adds one to the integer at an index and returns the result. */
  increment(index: number): number;
  at(index: number): number;
}

export function openTally(): Tally {
  let values = new Int32Array(1 << 11);
  return {
    increment(index) {
      if (index >= values.length) values = withLength(values, 2 * index);
      return (values[index] = (values[index] ?? 0) + 1);
    },
    at: (index) => values[index] ?? 0,
  };
}
