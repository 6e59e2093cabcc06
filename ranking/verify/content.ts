// Checks the content of parts against their listed counts, sums, extremes and rows.

import { join } from 'node:path';
import { z } from 'zod';
import type { ListedPart } from '../../scoring/part.ts';
import { parquetSource, sqlString } from '../../data/duckdb/duckdb.ts';
import { reasonOf } from '../../run/errors/errors.ts';
import type { Report } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import { withRunDatabase } from '../../data/duckdb/run-database.ts';
import { queryRows } from '../../data/duckdb/rows.ts';
import { type AddProblem, count, sum } from './problems.ts';

/** Parts in one query, which has all of them open. */
const filesPerQuery = 32;
const score = z.number().or(z.nan());
/** A part's rows of one shard; null for no rows. */
const contentSchema = z.object({
  part: count,
  /** Null if not all rows are of the one shard they should be of. */
  shard: z.string().nullable(),
  /** With and without a score. */
  documents: count,
  unknown: count,
  /** Whether all rows are distinct. */
  different: z.boolean().nullable(),
  first: count.nullable(),
  last: count.nullable(),
  tokens: count.nullable(),
  unknownTokens: count.nullable(),
  lowest: score.nullable(),
  highest: score.nullable(),
  finite: z.boolean().nullable(),
});
type Content = z.output<typeof contentSchema>;

/** Checks counts, sums, extremes and row numbers in the parts themselves. */
export async function verifyContent(
  run: Run,
  parts: readonly ListedPart[],
  addProblem: AddProblem,
  report: Report,
): Promise<void> {
  await withRunDatabase(run, async (connection) => {
    for (let from = 0; from < parts.length; from += filesPerQuery) {
      const some = parts.slice(from, from + filesPerQuery);
      const compare = async (chosen: readonly ListedPart[]): Promise<void> => {
        const found = await queryRows(
          connection,
          chosen.map((part, index) => contentQuery(run, part, index)).join(' UNION ALL '),
          contentSchema,
        );
        for (const [index, part] of chosen.entries())
          comparePart(
            part,
            found.filter(({ part: own, documents, unknown }) => own === index && documents + unknown > 0),
            addProblem,
          );
      };
      try {
        await compare(some);
      } catch {
        // One of them cannot be read; query each alone to find it.
        for (const part of some)
          await compare([part]).catch((error: unknown) =>
            addProblem(
              `${join(run.files.scores, part.file)} cannot be read: ${reasonOf(error)}. Remove it and run "betr rank".`,
            ),
          );
      }
      report({ stage: 'verify: rows', done: from + some.length, total: parts.length, unit: 'parts' });
    }
  });
}

/**
 * The content of a part, by shard. For a single shard, rows are distinct if they are in order, which is much
 * faster to check than counting distinct ones; DuckDB keeps the order. Counts read all pages, while lowest
 * and highest scores come from Parquet statistics, as computing them takes a third of the total time. Packs
 * are small, so they are simply grouped by shard, and so are parts with documents without a score, which are
 * at the end.
 */
function contentQuery(run: Run, { file, covers, unknownDocuments = 0 }: ListedPart, index: number): string {
  const source = parquetSource(join(run.files.scores, file));
  const tokens =
    unknownDocuments === 0
      ? 'sum(tokens)::DOUBLE AS tokens, NULL::DOUBLE AS "unknownTokens"'
      : 'sum(tokens) FILTER (score IS NOT NULL)::DOUBLE AS tokens, ' +
        'sum(tokens) FILTER (score IS NULL)::DOUBLE AS "unknownTokens"';
  const figures =
    'count(score)::DOUBLE AS documents, (count(*) - count(score))::DOUBLE AS unknown, min("row")::DOUBLE ' +
    `AS "first", max("row")::DOUBLE AS "last", ${tokens}, isfinite(sum(score)) AS finite`;
  const [only] = covers;
  if (only === undefined || covers.length > 1 || unknownDocuments > 0) {
    return (
      `SELECT ${index}::DOUBLE AS part, shard, ${figures}, count(DISTINCT "row") = count(*) AS ` +
      `different, min(score)::DOUBLE AS lowest, max(score)::DOUBLE AS highest FROM ${source} GROUP BY shard`
    );
  }
  return (
    `SELECT ${index}::DOUBLE AS part, *
    FROM (SELECT CASE WHEN bool_and(shard IS NOT DISTINCT FROM ${sqlString(only.shard)}) ` +
    `THEN ${sqlString(only.shard)} END AS shard, ${figures}, bool_and("row" > before) AS different
      FROM (SELECT *, lag("row") OVER () AS before FROM ${source})), (SELECT min(score)::DOUBLE AS ` +
    `lowest, max(score)::DOUBLE AS highest FROM ${source})`
  );
}

const nothing = { documents: 0, unknown: 0, first: null, last: null };

function comparePart(part: ListedPart, found: readonly Content[], addProblem: AddProblem): void {
  const { file, covers, documents, unknownDocuments = 0, unknownTokens = 0 } = part;
  if (found.length === 0) {
    const listed = documents + unknownDocuments;
    if (listed > 0) addProblem(`${file} has no documents, but ${listed} are listed`);
    return;
  }
  const scored = found.filter((content) => content.documents > 0);
  const say = (what: string, got: unknown, want: unknown): void => {
    if (got !== want) addProblem(`${file}: ${what} should be ${String(want)}, found ${String(got)}`);
  };
  say(
    'documents',
    sum(found, (content) => content.documents),
    documents,
  );
  say(
    'tokens',
    sum(found, ({ tokens }) => tokens ?? 0),
    part.tokens,
  );
  say(
    'documents without a score',
    sum(found, ({ unknown }) => unknown),
    unknownDocuments,
  );
  say(
    'tokens of documents without a score',
    sum(found, (content) => content.unknownTokens ?? 0),
    unknownTokens,
  );
  say(
    'lowest score',
    scored.length === 0 ? 'none' : Math.min(...scored.map(({ lowest }) => lowest ?? Number.NaN)),
    part.scores?.[0] ?? 'none',
  );
  say(
    'highest score',
    scored.length === 0 ? 'none' : Math.max(...scored.map(({ highest }) => highest ?? Number.NaN)),
    part.scores?.[1] ?? 'none',
  );
  if (scored.some(({ finite }) => finite !== true)) addProblem(`${file} has scores that are not numbers`);
  // Null for a single row, which has no predecessor.
  if (found.some(({ different }) => different === false))
    addProblem(`${file} has rows that are duplicate or out of order`);
  const byShard = new Map(found.map((content) => [content.shard, content]));
  for (const { shard, firstRow, rows, documents: listed, unknown: listedUnknown = 0 } of covers) {
    const { documents: own, unknown, first, last } = byShard.get(shard) ?? nothing;
    if (covers.length > 1) {
      say(`documents of ${shard}`, own, listed);
      say(`documents of ${shard} without a score`, unknown, listedUnknown);
    }
    if ((first ?? firstRow) < firstRow || (last ?? firstRow) >= Math.max(firstRow + 1, firstRow + rows))
      addProblem(`${file} has rows ${first} to ${last} of ${shard}, which belong to another part`);
    byShard.delete(shard);
  }
  if (byShard.size > 0)
    addProblem(
      `${file} has rows of a shard other ` +
        `than ${covers.length === 1 ? (covers[0]?.shard ?? '') : 'those listed'}`,
    );
}
