// Lets only so many at a time through, and only so many wait.

import { fail } from '../data/errors.ts';

export interface Gate {
  /** Does the work when it is its turn. Errors: BUSY where too many wait; those of the work. */
  enter<T>(work: () => Promise<T>): Promise<T>;
  /** How many are at work, and how many wait. */
  load(): { working: number; waiting: number };
}

/** What is first in line waits about so long, so whoever is refused is told to come back then. */
const retrySeconds = 5;

export function openGate(mostWorking: number, mostWaiting: number): Gate {
  let working = 0;
  const waiting: (() => void)[] = [];
  return {
    async enter(work) {
      if (working >= mostWorking) {
        if (waiting.length >= mostWaiting) throw fail('BUSY', { waiting: waiting.length, seconds: retrySeconds });
        await new Promise<void>((resolve) => waiting.push(resolve));
      } else {
        working++;
      }
      try {
        return await work();
      } finally {
        // The place is handed on, so that nobody slips in between.
        const next = waiting.shift();
        if (next === undefined) working--;
        else next();
      }
    },
    load: () => ({ working, waiting: waiting.length }),
  };
}
