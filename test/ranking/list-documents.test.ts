import { describe, expect, it } from '@jest/globals';
import type { Run } from '../../run/run.ts';
import { findCutoff } from '../../ranking/cutoff.ts';
import { listAroundCutoff, listDocuments, type Listing } from '../../ranking/list-documents.ts';
import { type Page } from '../../ranking/document-page.ts';
import type { Ranking } from '../../ranking/generation.ts';
import { makeKeyOrder } from '../../ranking/order/key-order.ts';
import { readOrder } from '../../ranking/order/order.ts';
import { retargetRanking } from '../../ranking/order/retarget.ts';
import { shardId } from '../../ranking/shards.ts';
import { keepByPlainSort, makeRows, makeScoredRows, rankRows, withRun } from './synthetic.ts';

const rows = makeRows(300);
const bytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

const sorted = rows.toSorted(
  (a, b) => b.score - a.score || bytes(a.document, b.document) || bytes(a.shard, b.shard) || a.row - b.row,
);

const keysOf = (documents: readonly { shard: string; row: number }[]): string[] =>
  documents.map(({ shard, row }) => `${shard}#${row}`);

async function withRanking(use: (run: Run, ranking: Ranking) => Promise<void>): Promise<void> {
  await withRun(async (run) => use(run, await rankRows(run, rows)));
}

/** All pages after one another. */
async function readAll(page: (cursor?: string) => Promise<Page>): Promise<Page['documents']> {
  const all: Page['documents'] = [];
  let next: string | null | undefined;
  while (next !== null) {
    const { documents, next: following } = await page(next);
    all.push(...documents);
    next = following;
  }
  return all;
}

describe('the list of documents', () => {
  it.each([7, 100, 299, 300, 301])(
    'has every document once, best or worst first, in pages of %i',
    async (limit) => {
      await withRanking(async (run, ranking) => {
        const list = (order: Listing['order']) =>
          readAll((cursor) =>
            listDocuments(run, ranking, {
              order,
              seed: 1,
              limit,
              ...(cursor === undefined ? {} : { cursor }),
            }),
          );
        const top = await list('top');
        expect(keysOf(top)).toEqual(keysOf(sorted));
        expect(keysOf(await list('bottom'))).toEqual(keysOf(sorted.toReversed()));
        expect(top[0]).toEqual({
          ...sorted[0],
          shardId: shardId(sorted[0]?.shard ?? ''),
          benchmarks: { sums: 0 },
          winner: null,
          kept: null,
        });
      });
    },
  );

  it('is in an order of chance that is the same for the same seed, and another for another', async () => {
    await withRanking(async (run, ranking) => {
      const list = (seed: number) =>
        readAll((cursor) =>
          listDocuments(run, ranking, {
            order: 'random',
            seed,
            limit: 60,
            ...(cursor === undefined ? {} : { cursor }),
          }),
        );
      const first = keysOf(await list(5));
      expect(first.toSorted()).toEqual(keysOf(rows).toSorted());
      expect(keysOf(await list(5))).toEqual(first);
      expect(keysOf(await list(6))).not.toEqual(first);
      expect(first).not.toEqual(keysOf(sorted));
    });
  });

  it('can be of one source, and ordered by the score of one benchmark', async () => {
    await withRun(async (run) => {
      // In these parts the benchmark's score is 0 throughout, so the keys decide.
      const ranking = await rankRows(run, rows);
      const news = await listDocuments(run, ranking, { order: 'top', seed: 1, limit: 1000, source: 'news' });
      expect(keysOf(news.documents)).toEqual(keysOf(sorted.filter(({ source }) => source === 'news')));
      const byBenchmark = await listDocuments(run, ranking, {
        order: 'top',
        seed: 1,
        limit: 1000,
        benchmark: 'sums',
      });
      expect(byBenchmark.documents.map(({ document }) => document)).toEqual(
        rows.map(({ document }) => document).toSorted(bytes),
      );
      await expect(
        listDocuments(run, ranking, { order: 'top', seed: 1, limit: 9, source: 'poems' }),
      ).rejects.toMatchObject({
        code: 'OPTION_INVALID',
        message: expect.stringContaining('books, code, news, science'),
      });
      await expect(
        listDocuments(run, ranking, { order: 'top', seed: 1, limit: 9, benchmark: 'score' }),
      ).rejects.toMatchObject({ code: 'OPTION_INVALID', message: expect.stringContaining('sums') });
    });
  });

  it('around the cutoff begins at the last document kept and the first dropped, on any cut', async () => {
    await withRanking(async (run, ranking) => {
      for (const share of [0, 0.1, 0.37, 0.8, 1]) {
        const cutoff = await findCutoff(run, ranking, share);
        const kept = keepByPlainSort(rows, share).length;
        const { kept: above, dropped: below } = await listAroundCutoff(run, ranking, cutoff, { limit: 25 });
        expect(keysOf(above.documents)).toEqual(keysOf(sorted.slice(0, kept).toReversed().slice(0, 25)));
        expect(keysOf(below.documents)).toEqual(keysOf(sorted.slice(kept, kept + 25)));
        expect(above.documents.every((document) => document.kept)).toBe(true);
        expect(below.documents.some((document) => document.kept)).toBe(false);
        const all = await readAll(
          async (droppedCursor) =>
            (
              await listAroundCutoff(run, ranking, cutoff, {
                limit: 40,
                ...(droppedCursor === undefined ? {} : { droppedCursor }),
              })
            ).dropped,
        );
        expect(keysOf(all)).toEqual(keysOf(sorted.slice(kept)));
      }
    });
  });

  it(
    'around the cutoff is the same by positions from memory as by a look through all scores, of any ' +
      'ranking',
    async () => {
      await withRun(async (run) => {
        const published = await rankRows(run, makeScoredRows(300));
        for (const ranking of [published, await retargetRanking(run, published, { without: ['gsm8k'] })]) {
          const { positions } = await readOrder(run, ranking, { keyOrder: await makeKeyOrder(run, ranking) });
          for (const share of [0, 0.001, 0.37, 0.999, 1]) {
            const cutoff = await findCutoff(run, ranking, share);
            const around = positions.slice(Math.max(0, cutoff.documents - 8), cutoff.documents + 8);
            expect(await listAroundCutoff(run, ranking, cutoff, { limit: 7 }, around)).toEqual(
              await listAroundCutoff(run, ranking, cutoff, { limit: 7 }),
            );
          }
        }
      });
    },
  );

  it('refuses a cursor of another question or generation, or a made-up one', async () => {
    await withRun(async (run) => {
      const ranking = await rankRows(run, rows);
      const listing: Listing = { order: 'top', seed: 1, limit: 10 };
      const { next } = await listDocuments(run, ranking, listing);
      const cursor = next ?? '';
      await expect(
        listDocuments(run, ranking, { ...listing, order: 'bottom', cursor }),
      ).rejects.toMatchObject({ code: 'OPTION_INVALID', values: { option: 'cursor' } });
      await expect(listDocuments(run, ranking, { ...listing, source: 'news', cursor })).rejects.toMatchObject(
        { code: 'OPTION_INVALID' },
      );
      const forged = Buffer.from(
        JSON.stringify({ ...JSON.parse(Buffer.from(cursor, 'base64url').toString()), key: '1) OR (1=1' }),
      ).toString('base64url');
      for (const bad of ['', 'x', cursor.slice(0, -5), forged])
        await expect(listDocuments(run, ranking, { ...listing, cursor: bad })).rejects.toMatchObject({
          code: 'OPTION_INVALID',
          values: { option: 'cursor' },
        });
      const later = await rankRows(run, rows.slice(1));
      await expect(listDocuments(run, later, { ...listing, cursor })).rejects.toMatchObject({
        code: 'CURSOR_STALE',
      });
    });
  });
});
