// Keeps the values that were used last, up to a number or a size of them.

export interface BoundedCache<K, V> {
  get(key: K): V | undefined;
  set(key: K, value: V): void;
  delete(key: K): void;
}

/** A cache of values of at most `most` together, each of size 1 if no other is said; the one that was used longest ago goes first. */
export function openBoundedCache<K, V>(most: number, sizeOf: (value: V) => number = () => 1): BoundedCache<K, V> {
  // A Map goes through its keys in the order in which they came in.
  const values = new Map<K, V>();
  let size = 0;
  const drop = (key: K): V | undefined => {
    const value = values.get(key);
    if (value === undefined) return undefined;
    size -= sizeOf(value);
    values.delete(key);
    return value;
  };
  const add = (key: K, value: V): void => {
    values.set(key, value);
    size += sizeOf(value);
  };
  return {
    get(key) {
      const value = drop(key);
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
    delete: (key) => void drop(key),
  };
}
