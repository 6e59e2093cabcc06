import { setTimeout } from 'node:timers/promises';

/**
 * Waits until something holds, looking every so often; throws where it does not come true, so that a test
 * fails and does not hang.
 */
export async function until(
  holds: () => Promise<boolean> | boolean,
  { what = 'it', everyMs = 20, seconds = 30 } = {},
): Promise<void> {
  const endMs = performance.now() + 1000 * seconds;
  while (!(await holds())) {
    if (performance.now() > endMs) throw new Error(`${what} did not come true within ${seconds} s`);
    await setTimeout(everyMs);
  }
}
