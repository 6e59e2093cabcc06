// What `make test` leaves to `make test-all`: tests that take long beside what they tell that others do not.

import { describe, it } from '@jest/globals';

/** Whether everything is tested (`make test-all`). */
export const everything = process.env['BETR_TEST_ALL'] === '1';

/** A test, or a group of them, of `make test-all` alone; else it is told as skipped. */
export const longTest = everything ? it : it.skip;
export const longTests = everything ? describe : describe.skip;

/** How many cases a property is tried on, of so many that `make test-all` tries. */
export function rounds(all: number): number {
  return everything ? all : Math.ceil(all / 4);
}
