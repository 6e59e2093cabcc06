// `betr verify` compares the manifest of a generation with its ranking.

import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { type ListedPart } from '../../../scoring/part.ts';
import { openOwnManifest } from '../../../scoring/published.ts';
import { manifestLine } from '../../../data/files/manifest.ts';
import { silent } from '../../../run/progress.ts';
import { verifyRanking } from '../../../ranking/verify/verify.ts';
import { betr } from '../../cli/betr.ts';
import { shareRankedRun, withRanked } from './fixtures.ts';

shareRankedRun();

describe('the manifest of a generation', () => {
  it.each<[string, (parts: ListedPart[]) => ListedPart[], RegExp]>([
    [
      'a repeated line',
      ([first, ...rest]) => (first === undefined ? [] : [first, first, ...rest]),
      /published\.jsonl: line 2 lists \S+\.parquet again, after line 1\. Run "betr rank"\.$/,
    ],
    [
      'a repeated line at its end',
      (parts) => [...parts, ...parts.slice(2, 3)],
      /published\.jsonl: line \d+ lists \S+\.parquet again, after line 3\. /,
    ],
    [
      'swapped lines',
      ([first, second, ...rest]) => [second, first, ...rest].flatMap((part) => part ?? []),
      /published\.jsonl: line 2 lists \S+\.parquet out of order\. /,
    ],
    ['a missing line', (parts) => parts.slice(0, -1), /is in the ranking, but not in the manifest\. /],
    [
      'a changed line',
      ([first, ...rest]) =>
        first === undefined ? [] : [{ ...first, textBytes: first.textBytes + 1 }, ...rest],
      /the manifest and the ranking disagree about /,
    ],
  ])('fails verification with %s, and ranking repairs it', async (_what, change, problem) => {
    await withRanked(async ({ run, manifest, parts, folder }) => {
      await writeFile(manifest, change(parts).map(manifestLine).join(''));
      const { code, stdout } = await betr(folder, ['verify', '--json']);
      expect(code).toBe(1);
      expect(JSON.parse(stdout)).toMatchObject({ problems: [expect.stringMatching(problem)] });
      expect((await betr(folder, ['rank'])).code).toBe(0);
      expect((await verifyRanking(run, { corpus: false }, silent)).problems).toEqual([]);
    });
  });

  it('may list a part twice if a worker wrote it', async () => {
    await withRanked(async ({ run, part, folder }) => {
      const list = openOwnManifest(run);
      for (let i = 0; i < 2; i++) await list(part);
      expect((await verifyRanking(run, { corpus: false }, silent)).problems).toEqual([]);
      expect((await betr(folder, ['rank'])).code).toBe(0);
    });
  });
});
