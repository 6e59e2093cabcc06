// Keeps the values that were used last, up to a number of them.

export interface BoundedCache<K, V> {
  get(key: K): V | undefined;
  set(key: K, value: V): void;
  delete(key: K): void;
}

/** A cache of at most `most` values; the one that was used longest ago goes first. */
export function openBoundedCache<K, V>(most: number): BoundedCache<K, V> {
  // A Map goes through its keys in the order in which they came in.
  const values = new Map<K, V>();
  return {
    get(key) {
      const value = values.get(key);
      if (value === undefined) return undefined;
      values.delete(key);
      values.set(key, value);
      return value;
    },
    set(key, value) {
      values.delete(key);
      values.set(key, value);
      for (const oldest of values.keys()) {
        if (values.size <= most) break;
        values.delete(oldest);
      }
    },
    delete: (key) => void values.delete(key),
  };
}
