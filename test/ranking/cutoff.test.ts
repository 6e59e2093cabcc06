import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { findCutoff, keptCondition } from '../../ranking/cutoff.ts';
import { withScores } from '../../ranking/scores.ts';
import { keepByPlainSort, makeRows, rankRows, type Row, sumTokens, withRun } from './synthetic.ts';
import { rounds } from '../long.ts';
import { queryRows } from '../../data/duckdb/rows.ts';

const place = ({ shard, row }: { shard: string; row: number }): string => `${shard}#${row}`;

/**
 * Cuts at each share and compares the cutoff, and the documents that its SQL condition names, with the plain
 * sort.
 */
async function compareWithPlainSort(rows: readonly Row[], shares: readonly number[]): Promise<void> {
  await withRun(async (run) => {
    const ranking = await rankRows(run, rows);
    for (const share of shares) {
      const kept = keepByPlainSort(rows, share);
      const cutoff = await findCutoff(run, ranking, share);
      expect(cutoff).toMatchObject({
        documents: kept.length,
        tokens: sumTokens(kept),
        ofDocuments: rows.length,
        ofTokens: sumTokens(rows),
      });
      expect(cutoff.score).toBe(kept.length === 0 ? null : (kept.at(-1)?.score ?? 0) + 0);
      const named = await withScores(run, ranking, (connection, table) =>
        queryRows(
          connection,
          `SELECT shard, "row"::DOUBLE AS "row" FROM ${table} WHERE ${keptCondition(cutoff)}`,
          z.object({ shard: z.string(), row: z.number() }),
        ),
      );
      expect(named.map(place).sort()).toEqual(kept.map(place).sort());
    }
  });
}

const shares = [0.001, 0.03, 0.1, 0.29, 0.5, 0.9, 0.999, 1];

describe('the exact cutoff', () => {
  it('is that of a plain sort over 3,000 documents', async () => {
    await compareWithPlainSort(makeRows(3000), shares);
  });

  it('is that of a plain sort whatever the scores, ties, token counts and keys', async () => {
    const score = fc
      .oneof(
        fc.constantFrom(-1.5, -0, 0, 0.25, 0.25000003, 1e-40, -1e-40, 3e38),
        fc.float({ noNaN: true, noDefaultInfinity: true }),
      )
      .map(Math.fround);
    const row = fc.record({
      shard: fc.constantFrom('a.jsonl', 'sub/b.jsonl', "c's.jsonl"),
      document: fc.oneof(
        fc.constantFrom('x', 'y', "it's", '\u{1F600}', '\uFF01', ''),
        fc.string({ unit: 'grapheme', maxLength: 3 }).filter((text) => !text.includes('\0')),
      ),
      source: fc.constantFrom('', 'web'),
      tokens: fc.oneof(fc.constantFrom(0, 0, 1), fc.nat(1000)),
      score,
    });
    const rows = fc
      .array(row, { minLength: 1, maxLength: 40 })
      .map((list) => list.map((value, index) => ({ ...value, row: index })));
    await fc.assert(
      fc.asyncProperty(rows, fc.double({ min: 0.0001, max: 1, noNaN: true }), (list, share) =>
        compareWithPlainSort(list, [share, 1]),
      ),
      { numRuns: rounds(25) },
    );
  });

  it('lets keys decide among equal scores, and identifies the last document', async () => {
    const rows = ['d', 'b', 'a', 'c'].map((document, row) => ({
      shard: 's.jsonl',
      row,
      document,
      source: '',
      tokens: 10,
      score: 0.5,
    }));
    await withRun(async (run) => {
      const ranking = await rankRows(run, rows);
      expect(await findCutoff(run, ranking, 0.6)).toMatchObject({
        score: 0.5,
        documents: 2,
        tokens: 20,
        last: { document: 'b', shard: 's.jsonl', row: 1 },
      });
      expect(await findCutoff(run, ranking, 1)).toMatchObject({ score: 0.5, documents: 4, last: null });
    });
  });

  it('orders equal scores of equal keys by shard, then by row', async () => {
    const at = (shard: string, row: number): Row => ({
      shard,
      row,
      document: 'same',
      source: '',
      tokens: 10,
      score: 0.5,
    });
    await compareWithPlainSort(
      [at('b.jsonl', 0), at('b.jsonl', 1), at('a.jsonl', 9), at('a.jsonl', 10)],
      [0.25, 0.5, 0.75],
    );
  });

  it('stops at the first document that does not fit, even if a later one would', async () => {
    const row = (document: string, tokens: number, score: number): Row => ({
      shard: 's.jsonl',
      row: Number(document),
      document,
      source: '',
      tokens,
      score,
    });
    await compareWithPlainSort([row('0', 50, 3), row('1', 900, 2), row('2', 50, 1)], [0.04, 0.05, 0.1, 0.95]);
  });

  it('keeps nothing of one document that is larger than the share, and all of one without tokens', async () => {
    const only = { shard: 's.jsonl', row: 0, document: 'only', source: '', score: -2 };
    await compareWithPlainSort([{ ...only, tokens: 7 }], [0.5, 1]);
    await compareWithPlainSort([{ ...only, tokens: 0 }], [0.5, 1]);
    await withRun(async (run) => {
      expect(await findCutoff(run, await rankRows(run, [{ ...only, tokens: 7 }]), 0.5)).toEqual({
        score: null,
        last: null,
        documents: 0,
        tokens: 0,
        ofDocuments: 1,
        ofTokens: 7,
      });
    });
  });
});
