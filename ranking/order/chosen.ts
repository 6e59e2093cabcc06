// A server's cache of rankings by chosen benchmarks. A ranking's files stay as long as it is cached or in
// use.

import { openBoundedCache } from '../../data/files/bounded-cache.ts';
import type { Run } from '../../run/run.ts';
import type { Ranking } from '../generation.ts';
import { holdRetargeted } from './retargeted-files.ts';

export interface Chosen<T> {
  benchmarks: string[];
  /** The ranking by these benchmarks. */
  made: Promise<T>;
  /** Add and remove a user. */
  take(): void;
  release(): void;
}

export interface ChosenRankings<T> {
  /** The ranking by these benchmarks; callers must `take` it synchronously. */
  find(benchmarks: string[]): Chosen<T>;
  /** Drops it from the cache, so that the next `find` makes it again. */
  forget(chosen: Chosen<T>): void;
  close(): void;
}

/** Caches the `most` recently used rankings; `make` makes one. Failures are not cached. */
export function openChosen<T extends { written: Promise<void> }>(
  run: Run,
  ranking: Ranking,
  most: number,
  make: (benchmarks: string[]) => Promise<T>,
): ChosenRankings<T> {
  const keyOf = (benchmarks: string[]): string => benchmarks.join('\n');
  const cached = openBoundedCache<string, Chosen<T>>(
    most,
    () => 1,
    (chosen) => chosen.release(),
  );
  const forget = (chosen: Chosen<T>): void => {
    const key = keyOf(chosen.benchmarks);
    if (cached.get(key) === chosen) cached.delete(key);
  };
  return {
    find(benchmarks) {
      const known = cached.get(keyOf(benchmarks));
      if (known !== undefined) return known;
      const held = holdRetargeted(run, ranking, benchmarks);
      let users = 1;
      const chosen: Chosen<T> = {
        benchmarks,
        made: held.then(() => make(benchmarks)),
        take() {
          users++;
        },
        release() {
          if (--users === 0) held.then((letGo) => letGo()).catch(() => undefined);
        },
      };
      cached.set(keyOf(benchmarks), chosen);
      chosen.made.then(({ written }) => written).catch(() => forget(chosen));
      return chosen;
    },
    forget,
    close: () => cached.clear(),
  };
}
