import { setTimeout } from 'node:timers/promises';

/**
 * Polls until a condition holds. Throws after `seconds`, so that a test fails instead of hanging.
 */
export async function until(
  holds: () => Promise<boolean> | boolean,
  { what = 'it', everyMs = 20, seconds = 30 } = {},
): Promise<void> {
  const endMs = performance.now() + 1000 * seconds;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`${what} did not happen within ${seconds} s`);
    await setTimeout(everyMs);
  }
}
