// The documents of a ranking, page by page: around the cutoff, from the top, from the bottom, or in a seeded
// random order. A cursor holds the keys of the last document, so no document is repeated or missed, whatever
// the page size.

import { sqlName, sqlString } from '../data/duckdb/duckdb.ts';
import { fail } from '../run/errors/errors.ts';
import type { Run } from '../run/run.ts';
import { keptCondition } from './cutoff.ts';
import type { Ranking } from './generation.ts';
import { positionsTable } from './order/positions.ts';
import { withScores } from './scores.ts';
import { queryRows } from '../data/duckdb/rows.ts';
import { type RankedDocument, rowSchema, columnsOf, describeRow } from './ranked-document.ts';
import { type Cut, type Page, readPage, type Way } from './document-page.ts';

export const orders = ['top', 'bottom', 'random'] as const;

export interface Listing {
  order: (typeof orders)[number];
  /** For the random order. */
  seed: number;
  /** Orders by this benchmark's score instead of the joint one. */
  benchmark?: string;
  source?: string;
  limit: number;
  /** The `next` of the previous page. */
  cursor?: string;
}

/** A page of the ranking's documents. Errors: OPTION_INVALID, CURSOR_STALE, those of `withScores`. */
export async function listDocuments(
  run: Run,
  ranking: Ranking,
  listing: Listing,
  cutoff?: Cut,
): Promise<Page> {
  const conditions = conditionsOf(ranking, listing);
  const way: Way =
    listing.order === 'random'
      ? { order: 'random', seed: listing.seed }
      : { order: listing.order, score: scoreColumn(ranking, listing.benchmark) };
  return withScores(run, ranking, (connection, table) =>
    readPage({ connection, table, ranking, cutoff }, way, conditions, listing.limit, listing.cursor),
  );
}

/**
 * The documents on both sides of a cutoff: those just kept (lowest score first) and those just dropped
 * (highest first), `limit` of each. `around`: the positions of these for any source, and of one more on each
 * side, so that nothing else is read. Errors: those of `listDocuments`.
 */
export async function listAroundCutoff(
  run: Run,
  ranking: Ranking,
  cutoff: Cut,
  listing: Pick<Listing, 'source' | 'limit'> & { keptCursor?: string; droppedCursor?: string },
  around?: Uint32Array,
): Promise<{ kept: Page; dropped: Page }> {
  const conditions = conditionsOf(ranking, listing);
  const kept = keptCondition(cutoff);
  return withScores(run, ranking, async (connection, whole) => {
    if (around !== undefined)
      await connection.run(
        `CREATE TEMP TABLE around AS SELECT * FROM ${positionsTable(run, ranking, around)}`,
      );
    const context = { connection, table: around === undefined ? whole : 'around', ranking, cutoff };
    return {
      kept: await readPage(
        context,
        { order: 'bottom', score: 'score' },
        [...conditions, kept],
        listing.limit,
        listing.keptCursor,
      ),
      dropped: await readPage(
        context,
        { order: 'top', score: 'score' },
        [...conditions, `NOT ${kept}`],
        listing.limit,
        listing.droppedCursor,
      ),
    };
  });
}

/** The document at a row of a shard. Errors: DOCUMENT_UNKNOWN, those of `withScores`. */
export async function findDocument(
  run: Run,
  ranking: Ranking,
  shard: string,
  row: number,
  cutoff?: Cut,
): Promise<RankedDocument> {
  // Chosen benchmarks have their scores in a separate file, aligned with all parts.
  const own =
    ranking.chosen === undefined
      ? {
          ...ranking,
          parts: ranking.parts.filter(({ covers }) => covers.some((rows) => rows.shard === shard)),
        }
      : ranking;
  const found = await withScores(run, own, (connection, table) =>
    queryRows(
      connection,
      `SELECT ${columnsOf(ranking, cutoff)} FROM ${table} WHERE shard = ${sqlString(shard)} AND "row" ` +
        `= ${row}::BIGINT LIMIT 1`,
      rowSchema,
    ),
  );
  const [document] = found;
  if (document === undefined) throw fail('DOCUMENT_UNKNOWN', { shard, row });
  return describeRow(ranking, document);
}

function conditionsOf(ranking: Ranking, { source }: Pick<Listing, 'source'>): string[] {
  if (source === undefined) return [];
  const known = ranking.sources.map((entry) => entry.source);
  if (!known.includes(source))
    throw fail('OPTION_INVALID', {
      option: 'source',
      got: source.slice(0, 200),
      allowed: `a source of the ranking: ${known
        .slice(0, 20)
        .map((name) => (name === '' ? '(empty)' : name))
        .join(', ')}${known.length > 20 ? ' …' : ''}`,
    });
  return [`source = ${sqlString(source)}`];
}

/** The column of the joint score, or of a benchmark's score. */
function scoreColumn(ranking: Ranking, benchmark: string | undefined): string {
  const known = ranking.scorer.outputs.slice(1);
  if (benchmark === undefined) return 'score';
  if (!known.includes(benchmark))
    throw fail('OPTION_INVALID', {
      option: 'benchmark',
      got: benchmark.slice(0, 200),
      allowed: `a benchmark with its own score: ${known.join(', ') || 'this ranking has none'}`,
    });
  return sqlName(`score_${benchmark}`);
}
