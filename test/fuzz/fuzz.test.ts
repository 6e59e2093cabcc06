import { expect, it } from '@jest/globals';
import { withFolder } from '../data/collect.ts';
import { runFuzz } from './fuzz.ts';
import { kinds } from './kinds.ts';
import { rounds } from '../long.ts';

it('damaged files are read soon, in bounded memory, and give content, invalid rows, or a known error', async () => {
  await withFolder(async (folder) => {
    const { outcomes, defects } = await runFuzz(folder, { seed: 20260104, to: rounds(1200) });
    expect(defects).toEqual([]);
    expect(Object.keys(outcomes).sort()).toEqual(Object.keys(kinds).sort());
    const codes = new Set(Object.values(outcomes).flatMap((counts) => Object.keys(counts)));
    expect([...codes]).toEqual(
      expect.arrayContaining([
        'read',
        'quarantined',
        'made again',
        'FILE_UNREADABLE',
        'FILE_DAMAGED',
        'SETTINGS_INVALID',
      ]),
    );
  });
}, 300_000);
