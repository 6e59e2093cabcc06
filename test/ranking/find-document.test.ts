import { describe, expect, it } from '@jest/globals';
import type { Run } from '../../run/run.ts';
import { findCutoff } from '../../ranking/cutoff.ts';
import { findDocument } from '../../ranking/list-documents.ts';
import type { Ranking } from '../../ranking/generation.ts';
import { placeDocument } from '../../ranking/percentile.ts';
import { makeRows, rankRows, sumTokens, withRun } from './synthetic.ts';

const rows = makeRows(300);
const bytes = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));

const sorted = rows.toSorted(
  (a, b) => b.score - a.score || bytes(a.document, b.document) || bytes(a.shard, b.shard) || a.row - b.row,
);

async function withRanking(use: (run: Run, ranking: Ranking) => Promise<void>): Promise<void> {
  await withRun(async (run) => use(run, await rankRows(run, rows)));
}

describe('a document', () => {
  it('is found by its shard and row, with its place in the ranking', async () => {
    await withRanking(async (run, ranking) => {
      for (const at of [0, 1, 150, 298, 299]) {
        const expected = sorted[at] ?? rows[0];
        if (expected === undefined) throw new Error('no rows');
        const found = await findDocument(run, ranking, expected.shard, expected.row);
        expect(found).toMatchObject(expected);
        const place = await placeDocument(run, ranking, found);
        expect(place).toMatchObject({
          rank: at + 1,
          of: 300,
          percentile: rows.filter(({ score }) => score < expected.score).length / 300,
        });
        // Kept from that share on, and not a token below it.
        const documents = async (share: number): Promise<number> =>
          (await findCutoff(run, ranking, share)).documents;
        const keptTokens = sumTokens(sorted.slice(0, at + 1));
        expect(place.keptFrom).toBeCloseTo(keptTokens / sumTokens(rows), 12);
        expect(await documents((keptTokens + 0.5) / sumTokens(rows))).toBeGreaterThan(at);
        if (expected.tokens > 0)
          expect(await documents((keptTokens - 0.5) / sumTokens(rows))).toBeLessThanOrEqual(at);
      }
      await expect(findDocument(run, ranking, 'corpus/shard-0.jsonl', 100)).rejects.toMatchObject({
        code: 'DOCUMENT_UNKNOWN',
        status: 404,
      });
    });
  });
});
