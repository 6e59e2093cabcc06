// The rankings by chosen benchmarks that a server has in memory. The files of one stay as long as it is
// remembered or in use.

import { openBoundedCache } from '../../data/files/bounded-cache.ts';
import type { Run } from '../../run/run.ts';
import type { Ranking } from '../generation.ts';
import { holdRetargeted } from './retargeted-files.ts';

export interface Chosen<T> {
  benchmarks: string[];
  /** The ranking by these benchmarks, once it is made. */
  made: Promise<T>;
  /** For one more user, and for one less. */
  take(): void;
  release(): void;
}

export interface ChosenRankings<T> {
  /** The ranking by these benchmarks, for whoever takes it at once. */
  find(benchmarks: string[]): Chosen<T>;
  /** Has it made anew for whoever asks next. */
  forget(chosen: Chosen<T>): void;
  close(): void;
}

/**
 * Remembers the `most` rankings that were asked for last; `make` makes one. Of what fails nothing is
 * remembered.
 */
export function openChosen<T extends { written: Promise<void> }>(
  run: Run,
  ranking: Ranking,
  most: number,
  make: (benchmarks: string[]) => Promise<T>,
): ChosenRankings<T> {
  const keyOf = (benchmarks: string[]): string => benchmarks.join('\n');
  const remembered = openBoundedCache<string, Chosen<T>>(
    most,
    () => 1,
    (chosen) => chosen.release(),
  );
  const forget = (chosen: Chosen<T>): void => {
    const key = keyOf(chosen.benchmarks);
    if (remembered.get(key) === chosen) remembered.delete(key);
  };
  return {
    find(benchmarks) {
      const known = remembered.get(keyOf(benchmarks));
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
      remembered.set(keyOf(benchmarks), chosen);
      chosen.made.then(({ written }) => written).catch(() => forget(chosen));
      return chosen;
    },
    forget,
    close: () => remembered.clear(),
  };
}
