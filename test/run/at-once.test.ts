import { expect, it } from '@jest/globals';
import { setTimeout } from 'node:timers/promises';
import { forEachAtOnce, limitAtOnce } from '../../run/at-once.ts';

it('runs as many at once as the limit says, which may change, in order', async () => {
  let [now, most, limit] = [0, 0, 2];
  const started: number[] = [];
  await forEachAtOnce(
    Array.from({ length: 20 }, (_, i) => i),
    () => limit,
    async (item) => {
      started.push(item);
      most = Math.max(most, ++now);
      if (item < 8) expect(now).toBeLessThanOrEqual(2);
      if (item === 8) limit = 5;
      await setTimeout(2);
      now--;
    },
  );
  expect(most).toBe(5);
  expect(started).toEqual([...started].sort((a, b) => a - b));
  expect(started).toHaveLength(20);
});

it('starts nothing after an error, and throws the first one once those at work have ended', async () => {
  const ended: number[] = [];
  const working = forEachAtOnce(
    [0, 1, 2, 3, 4],
    () => 2,
    async (item) => {
      await setTimeout(item === 0 ? 5 : 20);
      ended.push(item);
      if (item < 2) throw new Error(`error ${item}`);
    },
  );
  await expect(working).rejects.toThrow('error 0');
  expect(ended).toEqual([0, 1]);
});

it('passes results and errors on, and frees the place of a task that failed', async () => {
  const limit = limitAtOnce(() => 1);
  const [failed, done] = [limit(() => Promise.reject(new Error('no'))), limit(() => Promise.resolve(7))];
  await expect(failed).rejects.toThrow('no');
  await expect(done).resolves.toBe(7);
});
