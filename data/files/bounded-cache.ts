// A least-recently-used cache with a bounded number or total size of values.

export interface BoundedCache<K, V> {
  get(key: K): V | undefined;
  set(key: K, value: V): void;
  delete(key: K): void;
  clear(): void;
}

/**
 * Opens a cache with a total size of at most `most`; by default, each value has size 1. The least recently
 * used value is evicted first. `dropped` is called for every value that leaves the cache.
 */
export function openBoundedCache<K, V>(
  most: number,
  sizeOf: (value: V) => number = () => 1,
  dropped: (value: V) => void = () => undefined,
): BoundedCache<K, V> {
  // A Map iterates over its keys in insertion order.
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
