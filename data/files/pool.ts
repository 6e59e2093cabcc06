// A pool of reusable objects. Reusing buffers avoids garbage collections, which run after every few megabytes
// of new ones.

export interface Pool<T> {
  take(): T;
  /** Returns a value that is no longer used. */
  give(value: T): void;
}

/** Opens a pool that keeps at most `most` idle values. */
export function openPool<T>(most: number, make: () => T): Pool<T> {
  const idle: T[] = [];
  return {
    take: () => idle.pop() ?? make(),
    give(value) {
      if (idle.length < most) idle.push(value);
    },
  };
}
