// Lets only so much work in at a time, and only so many wait. Work is counted by number, or by a size of its own, such as bytes.

import { fail } from '../../run/errors/errors.ts';

export interface Gate {
  /** Does the work when there is room for it. Errors: BUSY where too many wait; those of the work. */
  enter<T>(work: () => Promise<T>, size?: number): Promise<T>;
  /** How much is at work, and how many wait. */
  load(): { working: number; waiting: number };
}

/** What is first in line waits about so long, so whoever is refused is told to come back then. */
const retrySeconds = 5;

/** `most`: of what is at work together; whatever is larger by itself never comes in. */
export function openGate(most: number, mostWaiting: number): Gate {
  let working = 0;
  const waiting: { size: number; enter: () => void }[] = [];
  /** In turn, but what is large does not keep waiting what still fits. */
  const admit = (): void => {
    for (let place = 0; place < waiting.length && working < most; ) {
      const next = waiting[place];
      if (next === undefined || working + next.size > most) {
        place++;
        continue;
      }
      waiting.splice(place, 1);
      working += next.size;
      next.enter();
    }
  };
  return {
    async enter(work, size = 1) {
      if (working + size > most) {
        if (waiting.length >= mostWaiting) throw fail('BUSY', { waiting: waiting.length, seconds: retrySeconds });
        await new Promise<void>((enter) => waiting.push({ size, enter }));
      } else {
        working += size;
      }
      try {
        return await work();
      } finally {
        working -= size;
        // At once, so that nobody slips in between.
        admit();
      }
    },
    load: () => ({ working, waiting: waiting.length }),
  };
}
