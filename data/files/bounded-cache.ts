// Keeps the values that were used last, up to a number or a size of them.

export interface BoundedCache<K, V> {
  get(key: K): V | undefined;
  set(key: K, value: V): void;
  delete(key: K): void;
  clear(): void;
}

/**
 * A cache of values of at most `most` together, each of size 1 if no other is said; the one that was used
 * longest ago goes first. `dropped` hears of each that the cache no longer has.
 */
export function openBoundedCache<K, V>(
  most: number,
  sizeOf: (value: V) => number = () => 1,
  dropped: (value: V) => void = () => undefined,
): BoundedCache<K, V> {
  // A Map goes through its keys in the order in which they came in.
  const values = new Map<K, V>();
  let size = 0;
  const take = (key: K): V | undefined => {
    const value = values.get(key);
    if (value === undefined) return undefined;
    size -= sizeOf(value);
    values.delete(key);
    return value;
  };
  const drop = (key: K): void => {
    const value = take(key);
    if (value !== undefined) dropped(value);
  };
  const add = (key: K, value: V): void => {
    values.set(key, value);
    size += sizeOf(value);
  };
  return {
    get(key) {
      const value = take(key);
      if (value !== undefined) add(key, value);
      return value;
    },
    set(key, value) {
      drop(key);
      add(key, value);
      for (const oldest of values.keys()) {
        if (size <= most) break;
        drop(oldest);
      }
    },
    delete: drop,
    clear() {
      for (const key of values.keys()) drop(key);
    },
  };
}
