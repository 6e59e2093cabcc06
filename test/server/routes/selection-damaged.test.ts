import { describe, expect, it } from '@jest/globals';
import { truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { eachKeptRow } from '../../../ranking/selection/kept-rows.ts';
import { findCutoff } from '../../../ranking/cutoff.ts';
import { readRanking } from '../../../ranking/generation.ts';
import { makeRows } from '../../ranking/synthetic.ts';
import { withServer } from '../serve.ts';

describe('a selection whose ranking is damaged', () => {
  it('is cut off, never ended as if it were whole', async () => {
    await withServer(async ({ run, url }) => {
      const ranking = await readRanking(run);
      const part = join(run.files.scores, ranking.parts[1]?.file ?? '');
      await truncate(part, 200);
      const read = async (): Promise<string> => (await fetch(`${url}/selection?keep=1&format=csv`)).text();
      // Before the first byte it is an answer, after it a broken stream; both are no selection.
      const result = await read().catch(() => 'broken');
      expect(result === 'broken' || result.includes('FILE_DAMAGED')).toBe(true);
    }, makeRows(3000));
  });

  it('with rows missing ends with an error', async () => {
    await withServer(async ({ run }) => {
      const ranking = await readRanking(run);
      const cutoff = await findCutoff(run, ranking, 1);
      const short = { ...ranking, parts: ranking.parts.slice(1) };
      const drain = async (blocks: AsyncIterable<unknown>): Promise<void> => {
        for await (const block of blocks) expect(block).toBeDefined();
      };
      await expect(
        eachKeptRow(run, short, cutoff, new AbortController().signal, drain),
      ).rejects.toMatchObject({ code: 'FILE_DAMAGED' });
      const aborted = AbortSignal.timeout(0);
      await expect(
        eachKeptRow(run, ranking, cutoff, aborted, async () =>
          setTimeout(20).then(() => aborted.throwIfAborted()),
        ),
      ).rejects.toThrow();
    }, makeRows(300));
  });
});
