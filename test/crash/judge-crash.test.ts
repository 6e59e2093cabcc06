import { expect, jest } from '@jest/globals';
import { withFolder } from '../data/collect.ts';
import { everything, longTest } from '../long.ts';
import { crashJudging, crashServers } from './judge-crash.ts';

jest.setTimeout(900_000);

longTest('judging, killed at random, loses no answer, and equals an undisturbed ranking', async () => {
  await withFolder(async (folder) => {
    const { series, midway, answers } = await crashJudging(folder, 60, 7, () => undefined);
    // Every document once in every series.
    expect(answers).toBeGreaterThan(600 * series);
    expect(series).toBeGreaterThan(5);
    expect(midway).toBeGreaterThan(10);
  });
});

longTest(
  'judging by servers, both killed at random, loses no answer, and comes to the same scores within .001',
  async () => {
    await withFolder(async (folder) => {
      const { series, midway, answers } = await crashServers(folder, everything ? 40 : 2, 11);
      expect(answers).toBeGreaterThan(600 * series);
      if (everything) expect(midway).toBeGreaterThan(5);
    });
  },
);
