// Limits how much work runs at once and how many callers wait. Work counts as 1, or by a size such as bytes.

import { fail } from '../../run/errors/errors.ts';

/** About how long the first in line waits, which is when a refused client should retry. */
const retrySeconds = 5;

export class Gate {
  readonly #most: number;
  readonly #mostWaiting: number;
  readonly #waiting: { size: number; enter: () => void }[] = [];
  #working = 0;

  /** `most`: the total size of running work; larger work never runs. */
  constructor(most: number, mostWaiting: number) {
    this.#most = most;
    this.#mostWaiting = mostWaiting;
  }

  /** Runs the work when there is room for it. Errors: BUSY if too many callers wait; those of the work. */
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
      // Synchronously, so that no other caller gets in between.
      this.#admit();
    }
  }

  /** The size of the running work, and how many callers wait. */
  load(): { working: number; waiting: number } {
    return { working: this.#working, waiting: this.#waiting.length };
  }

  /** In order, but large work does not block smaller work that still fits. */
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
