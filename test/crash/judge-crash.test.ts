import { expect, jest } from '@jest/globals';
import { withFolder } from '../data/collect.ts';
import { longTest } from '../long.ts';
import { crashJudging } from './judge-crash.ts';

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
