import { expect, jest } from '@jest/globals';
import { withFolder } from '../data/collect.ts';
import { longTest } from '../long.ts';
import { crashRankings } from './crash.ts';

jest.setTimeout(600_000);

longTest(
  'rankings killed at random, in every way, lose and duplicate nothing, and equal an undisturbed one',
  async () => {
    await withFolder(async (folder) => {
      const { kinds, series, midway } = await crashRankings(folder, 50, 4, () => undefined);
      expect(Object.keys(kinds)).toHaveLength(5);
      expect(series).toBeGreaterThan(2);
      expect(midway).toBeGreaterThan(5);
    });
  },
);
