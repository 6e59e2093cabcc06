// Things that are taken, used and given back: to make them anew costs more, for buffers above all by the
// garbage collector, which runs whenever a few megabytes of new ones have come together.

export interface Pool<T> {
  take(): T;
  /** Gives back what nobody uses any more. */
  give(value: T): void;
}

/** Keeps at most `most` that nobody has at the moment. */
export function openPool<T>(most: number, make: () => T): Pool<T> {
  const idle: T[] = [];
  return {
    take: () => idle.pop() ?? make(),
    give(value) {
      if (idle.length < most) idle.push(value);
    },
  };
}
