// Limits how many tasks are at work at once.

/** Runs a task as soon as there is room for it; the others wait in line. */
export type Limit = <T>(task: () => Promise<T>) => Promise<T>;

/** A limit of `most()` tasks at once, which is looked up whenever a task begins or ends. */
export function limitAtOnce(most: () => number): Limit {
  let running = 0;
  const waiting: (() => void)[] = [];
  const startNext = (): void => {
    while (running < most()) {
      const start = waiting.shift();
      if (start === undefined) return;
      running++;
      start();
    }
  };
  return async (task) => {
    await new Promise<void>((start) => {
      waiting.push(start);
      startNext();
    });
    try {
      return await task();
    } finally {
      running--;
      startNext();
    }
  };
}

/**
 * Works on all items, `most()` at once. After an error it starts no more, waits for those at work, and throws the
 * first error.
 */
export async function forEachAtOnce<T>(
  items: readonly T[],
  most: () => number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const limit = limitAtOnce(most);
  const failures: unknown[] = [];
  await Promise.all(
    items.map((item) =>
      limit(async () => {
        if (failures.length > 0) return;
        try {
          await work(item);
        } catch (error) {
          failures.push(error);
        }
      }),
    ),
  );
  if (failures.length > 0) throw failures[0];
}
