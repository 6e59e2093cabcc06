import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { z } from 'zod';
import { sqlString, withDuckDb } from '../../../data/duckdb/duckdb.ts';
import { silent } from '../../../run/progress.ts';
import type { Run } from '../../../run/run.ts';
import type { Ranking } from '../../../ranking/generation.ts';
import { type DomainColumn, fillQuotas } from '../../../ranking/selection/quotas.ts';
import { withScores } from '../../../ranking/scores.ts';
import { writeSelection } from '../../../ranking/selection/select.ts';
import { selectionManifestSchema } from '../../../ranking/selection/manifest.ts';
import { keepByPlainSort, makeRows, rankRows, type Row, sumTokens, withRun } from '../synthetic.ts';
import { rounds } from '../../long.ts';
import { queryRows } from '../../../data/duckdb/rows.ts';

const place = z.object({ shard: z.string(), row: z.number() });
const nameOf = ({ shard, row }: { shard: string; row: number }): string => `${shard} ${row}`;
const keptBy = (run: Run, ranking: Ranking, condition: string): Promise<string[]> =>
  withScores(run, ranking, async (connection, table) =>
    (
      await queryRows(
        connection,
        `SELECT shard, "row"::DOUBLE AS "row" FROM ${table} WHERE ${condition}`,
        place,
      )
    )
      .map(nameOf)
      .sort(),
  );

/** The slow and obvious way: a plain sort of each domain's rows. */
function fillSlowly(
  rows: readonly Row[],
  share: number,
  weights: Readonly<Record<string, number>>,
  by: DomainColumn,
): Map<string, Row[]> {
  const total = Math.floor(share * sumTokens(rows));
  return new Map(
    Object.entries(weights).map(([domain, weight]) => {
      const own = rows.filter((row) => row[by] === domain);
      const quota = Math.floor(weight * total + 1e-6);
      return [domain, keepByPlainSort(own, sumTokens(own) === 0 ? 1 : quota / sumTokens(own) + 1e-12)];
    }),
  );
}

const listed = (weights: Readonly<Record<string, number>>): { domain: string; weight: number }[] =>
  Object.entries(weights).map(([domain, weight]) => ({ domain, weight }));

describe('quotas', () => {
  it('keep within each domain what a plain sort keeps of it, up to its weight', async () => {
    await withRun(async (run) => {
      const rows = makeRows(3000);
      const ranking = await rankRows(run, rows);
      const weights = { books: 0.5, news: 0.3, code: 0.2, science: 0, elsewhere: 0 };
      const filled = await fillQuotas(run, ranking, 0.3, { weights: listed(weights), by: 'source' });
      const slow = fillSlowly(rows, 0.3, weights, 'source');
      expect(filled.quotas.map(({ domain }) => domain)).toEqual(['books', 'news', 'code']);
      for (const {
        domain,
        weight,
        quotaTokens,
        documents,
        tokens,
        ofDocuments,
        ofTokens,
        score,
      } of filled.quotas) {
        const kept = slow.get(domain) ?? [];
        const own = rows.filter((row) => row.source === domain);
        expect(kept.length).toBeGreaterThan(0);
        expect({ documents, tokens, ofDocuments, ofTokens, score }).toEqual({
          documents: kept.length,
          tokens: sumTokens(kept),
          ofDocuments: own.length,
          ofTokens: sumTokens(own),
          score: kept.at(-1)?.score,
        });
        expect(quotaTokens).toBe(Math.floor(weight * Math.floor(0.3 * sumTokens(rows)) + 1e-6));
        expect(tokens).toBeLessThanOrEqual(quotaTokens);
      }
      expect(await keptBy(run, ranking, filled.condition)).toEqual(
        [...slow.values()]
          .flat()
          .filter(({ source }) => source !== 'science')
          .map(nameOf)
          .sort(),
      );
      expect(filled.documents).toBe(filled.quotas.reduce((sum, { documents }) => sum + documents, 0));
    });
  });

  it('hold for any rows and weights, by source and by shard', async () => {
    const row = fc.record({
      shard: fc.constantFrom('a', "b'c"),
      source: fc.constantFrom('x', 'y', ''),
      tokens: fc.integer({ min: 0, max: 20 }),
      score: fc.oneof(fc.constantFrom(0, -0, 1), fc.float({ min: -3, max: 3, noNaN: true })),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(row, { minLength: 1, maxLength: 40 }),
        fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 3, maxLength: 3 }),
        fc.double({ min: 0.05, max: 1, noNaN: true }),
        fc.constantFrom<DomainColumn>('source', 'shard'),
        async (made, parts, share, by) => {
          const rows = made.map((made, index) => ({ ...made, row: index, document: `d${(index * 7) % 11}` }));
          const names = by === 'source' ? ['x', 'y', ''] : ['a', "b'c", 'elsewhere'];
          const sum = Math.max(
            1,
            parts.reduce((a, b) => a + b, 0),
          );
          const weights = Object.fromEntries(names.map((name, i) => [name, (parts[i] ?? 0) / sum]));
          fc.pre(rows.some((one) => (weights[one[by]] ?? 0) > 0));
          await withRun(async (run) => {
            const ranking = await rankRows(run, rows);
            const filled = await fillQuotas(run, ranking, share, { weights: listed(weights), by });
            const slow = fillSlowly(rows, share, weights, by);
            expect(await keptBy(run, ranking, filled.condition)).toEqual(
              [...slow]
                .filter(([name]) => (weights[name] ?? 0) > 0)
                .flatMap(([, kept]) => kept)
                .map(nameOf)
                .sort(),
            );
          });
        },
      ),
      { numRuns: rounds(25) },
    );
  });

  it('make a selection that lists what each domain contributes, the same on any number of threads', async () => {
    await withRun(async (run) => {
      const rows = makeRows(900);
      const ranking = await rankRows(run, rows);
      const quotas = { weights: listed({ books: 0.9, code: 0.1 }), by: 'source' as const };
      const [one, two] = [join(run.folder, 'one'), join(run.folder, 'two')];
      const manifest = await writeSelection(
        run,
        ranking,
        { keep: 0.4 },
        one,
        { format: 'rows', quotas },
        silent,
      );
      await writeSelection(
        { ...run, settings: { ...run.settings, workers: 1 } },
        ranking,
        { keep: 0.4 },
        two,
        { format: 'rows', quotas },
        silent,
      );
      const slow = fillSlowly(rows, 0.4, { books: 0.9, code: 0.1 }, 'source');
      const kept = [...slow.values()].flat();
      expect(manifest).toMatchObject({
        documents: kept.length,
        tokens: sumTokens(kept),
        answer: {
          cutoff: {
            documents: kept.length,
            tokens: sumTokens(kept),
            score: Math.min(...kept.map(({ score }) => score)),
          },
        },
      });
      expect(manifest.quotas?.map(({ domain, documents }) => [domain, documents])).toEqual(
        [...slow].map(([domain, own]) => [domain, own.length]),
      );
      expect(
        manifest.composition
          .filter(({ after }) => after.documents > 0)
          .map(({ source }) => source)
          .sort(),
      ).toEqual(['books', 'code']);
      // A quota of 36% of the tokens, of a source that has a quarter.
      expect(manifest.answer.summary).toMatch(/^Keep the best \S+% of the tokens by quotas for 2 domains/);
      expect(manifest.answer.caveats.at(-1)).toMatch(
        /^1 of 2 domains have fewer tokens than their quotas; the missing \S+ tokens are not replaced\.$/,
      );
      expect(
        selectionManifestSchema.parse(JSON.parse(await readFile(join(one, 'manifest.json'), 'utf8'))),
      ).toEqual(JSON.parse(JSON.stringify(manifest)));
      const written = await withDuckDb({}, (connection) =>
        queryRows(
          connection,
          `SELECT shard, "row"::DOUBLE AS "row" FROM read_parquet(${sqlString(join(one, 'selection.parquet'))})`,
          place,
        ),
      );
      expect(written.map(nameOf).sort()).toEqual(kept.map(nameOf).sort());
      for (const file of ['manifest.json', 'selection.parquet'])
        expect(await readFile(join(two, file))).toEqual(await readFile(join(one, file)));
    });
  });

  it('are refused if no document is in any domain', async () => {
    await withRun(async (run) => {
      const ranking = await rankRows(run, makeRows(30));
      await expect(
        fillQuotas(run, ranking, 0.5, { weights: [{ domain: 'bbc.co.uk', weight: 1 }], by: 'source' }),
      ).rejects.toMatchObject({
        code: 'QUOTAS_UNMATCHED',
        message: expect.stringMatching(/one source is "books", one domain is "bbc\.co\.uk"/),
      });
    });
  });
});
