import { expect, it, jest } from '@jest/globals';
import { withFolder } from '../data/collect.ts';
import { crashRankings } from './crash.ts';
import { everything } from '../long.ts';

jest.setTimeout(600_000);

it('rankings killed at random, in every way, lose and duplicate nothing, and equal an undisturbed one', async () => {
  await withFolder(async (folder) => {
    const { kinds, series, midway } = await crashRankings(folder, everything ? 50 : 20, 4, () => undefined, {
      mostWorkers: everything ? 3 : 2,
    });
    expect(Object.keys(kinds)).toHaveLength(5);
    expect(series).toBeGreaterThan(everything ? 2 : 0);
    expect(midway).toBeGreaterThan(everything ? 5 : 1);
  });
});
