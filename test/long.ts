// Slow tests that `make test` skips and `make test-all` runs.

import { describe, it } from '@jest/globals';

/** Whether all tests run (`make test-all`). */
export const everything = process.env['BETR_TEST_ALL'] === '1';

/** A test, or a group of tests, that runs only in `make test-all`. */
export const longTest = everything ? it : it.skip;
export const longTests = everything ? describe : describe.skip;

/** Number of cases for a property test that has `all` cases in `make test-all`. */
export function rounds(all: number): number {
  return everything ? all : Math.ceil(all / 4);
}
