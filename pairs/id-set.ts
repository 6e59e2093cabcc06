// Which ids a set of pairs has, in 16 bytes an id: a set of strings would take ten times as much.

import { keyHash } from '../data/files/hash.ts';

const mask = (1n << 53n) - 1n;

/**
 * Remembers ids by 53 bits of their hash. Among 5 million, the chance that any two share a hash is 1 in 700.
 */
export class IdSet {
  #slots = new Float64Array(1024).fill(-1);
  #count = 0;

  /** Adds an id; false if it was there. */
  add(id: string): boolean {
    if (2 * this.#count >= this.#slots.length) this.#grow();
    const isNew = put(this.#slots, Number(keyHash(id, 0) & mask));
    if (isNew) this.#count++;
    return isNew;
  }

  #grow(): void {
    const larger = new Float64Array(2 * this.#slots.length).fill(-1);
    for (const hash of this.#slots) if (hash >= 0) put(larger, hash);
    this.#slots = larger;
  }
}

function put(slots: Float64Array, hash: number): boolean {
  for (let at = hash % slots.length; ; at = (at + 1) % slots.length) {
    if (slots[at] === hash) return false;
    if (slots[at] !== -1) continue;
    slots[at] = hash;
    return true;
  }
}
