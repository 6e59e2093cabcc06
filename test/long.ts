// Slow tests that `make test` skips. `make test-slow` runs them and the other tests of their files; `make test-all`
// runs everything.

import { describe, it, jest } from '@jest/globals';

/** Whether slow tests run, too. */
export const everything = process.env['BETR_TEST_ALL'] === '1';

// Many of the slow tests kill processes and race with time. One that fails is tried once more, and both errors are
// shown.
if (everything) jest.retryTimes(1, { logErrorsBeforeRetry: true });

/** A test, or a group of tests, that `make test` skips. */
export const longTest = everything ? it : it.skip;
export const longTests = everything ? describe : describe.skip;

/** Number of cases for a property test that has `all` cases when slow tests run. */
export function rounds(all: number): number {
  return everything ? all : Math.ceil(all / 10);
}

/** The rows of a table of tests: all when slow tests run, otherwise at most `count`, spread over the table. */
export function someOf<T>(rows: readonly T[], count: number): T[] {
  const step = everything ? 1 : Math.ceil(rows.length / count);
  return rows.filter((_, i) => i % step === 0);
}
