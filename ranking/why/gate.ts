// Lets only so much work in at a time, and only so many wait. Work is counted by number, or by a size of its
// own, such as bytes.

import { fail } from '../../run/errors/errors.ts';

/** What is first in line waits about so long, so whoever is refused is told to come back then. */
const retrySeconds = 5;

export class Gate {
  readonly #most: number;
  readonly #mostWaiting: number;
  readonly #waiting: { size: number; enter: () => void }[] = [];
  #working = 0;

  /** `most`: of what is at work together; whatever is larger by itself never comes in. */
  constructor(most: number, mostWaiting: number) {
    this.#most = most;
    this.#mostWaiting = mostWaiting;
  }

  /** Does the work when there is room for it. Errors: BUSY where too many wait; those of the work. */
  async enter<T>(work: () => Promise<T>, size = 1): Promise<T> {
    if (this.#working + size > this.#most) {
      if (this.#waiting.length >= this.#mostWaiting)
        throw fail('BUSY', { waiting: this.#waiting.length, seconds: retrySeconds });
      await new Promise<void>((enter) => this.#waiting.push({ size, enter }));
    } else {
      this.#working += size;
    }
    try {
      return await work();
    } finally {
      this.#working -= size;
      // At once, so that nobody slips in between.
      this.#admit();
    }
  }

  /** How much is at work, and how many wait. */
  load(): { working: number; waiting: number } {
    return { working: this.#working, waiting: this.#waiting.length };
  }

  /** In turn, but what is large does not keep waiting what still fits. */
  #admit(): void {
    for (let place = 0; place < this.#waiting.length && this.#working < this.#most;) {
      const next = this.#waiting[place];
      if (next === undefined || this.#working + next.size > this.#most) {
        place++;
        continue;
      }
      this.#waiting.splice(place, 1);
      this.#working += next.size;
      next.enter();
    }
  }
}
