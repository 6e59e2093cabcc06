// The documents of a ranking, page by page: around the cutoff, from the top, from the bottom, or in a seeded
// random order. A cursor holds the keys of the last document, so no document is repeated or missed, whatever
// the page size.

import type { DuckDBConnection } from '@duckdb/node-api';
import { sqlName, sqlString } from '../data/duckdb/duckdb.ts';
import { fail } from '../run/errors/errors.ts';
import { fingerprint, type Run } from '../run/run.ts';
import { type Cutoff, keptCondition } from './cutoff.ts';
import type { Ranking } from './generation.ts';
import { positionsTable } from './order/positions.ts';
import { withScores } from './scores.ts';
import { queryRows, sqlScore } from '../data/duckdb/rows.ts';
import { type CursorKeys, writeCursor, readCursor } from './document-cursor.ts';
import { type RankedDocument, rowSchema, columnsOf, describeRow } from './ranked-document.ts';

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

export interface Page {
  documents: RankedDocument[];
  /** Cursor of the next page; null if this is the last. */
  next: string | null;
}

export type Cut = Pick<Cutoff, 'score' | 'last'>;

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

/** How documents are ordered: best or worst first by a score column, or randomly. */
type Way = { order: 'top' | 'bottom'; score: string } | { order: 'random'; seed: number };

interface Context {
  connection: DuckDBConnection;
  table: string;
  ranking: Ranking;
  cutoff: Cut | undefined;
}

async function readPage(
  { connection, table, ranking, cutoff }: Context,
  way: Way,
  conditions: readonly string[],
  limit: number,
  cursor: string | undefined,
): Promise<Page> {
  // A cursor is valid for the same question only.
  const question = fingerprint({ way, conditions, benchmarks: ranking.chosen?.benchmarks ?? null }).slice(
    0,
    16,
  );
  const after =
    cursor === undefined ? [] : [afterCondition(way, readCursor(cursor, ranking.generation, question))];
  const where = [...conditions, ...after].join(' AND ') || 'true';
  const rows = await queryRows(
    connection,
    `SELECT ${columnsOf(ranking, cutoff)}, ${keyOf(way)}::VARCHAR AS "order" FROM ${table} ` +
      `WHERE ${where} ORDER BY ${orderOf(way)} LIMIT ${limit + 1}`,
    rowSchema,
  );
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  const next =
    last === undefined
      ? null
      : writeCursor({
          generation: ranking.generation,
          question,
          key: last.order ?? '',
          document: last.document,
          shard: last.shard,
          row: last.row,
        });
  return { documents: rows.slice(0, limit).map((row) => describeRow(ranking, row)), next };
}

/** The first sort key. The random one depends on the document's keys and the seed only. */
function keyOf(way: Way): string {
  return way.order === 'random' ? `hash(document, shard, "row", ${way.seed})` : way.score;
}

function orderOf(way: Way): string {
  const keys = (direction: string): string =>
    ['document', 'shard', '"row"'].map((key) => `${key} ${direction}`).join(', ');
  if (way.order === 'random') return `${keyOf(way)}, ${keys('ASC')}`;
  return way.order === 'top' ? `${way.score} DESC, ${keys('ASC')}` : `${way.score} ASC, ${keys('DESC')}`;
}

function afterCondition(way: Way, { key, document, shard, row }: CursorKeys): string {
  const value = way.order === 'random' ? `${sqlString(key)}::UBIGINT` : sqlScore(Number(key));
  const place = `(${sqlString(document)}, ${sqlString(shard)}, ${row}::BIGINT)`;
  const [beyond, later] = way.order === 'random' ? ['>', '>'] : way.order === 'top' ? ['<', '>'] : ['>', '<'];
  return (
    `(${keyOf(way)} ${beyond} ${value} OR (${keyOf(way)} = ${value} AND (document, shard, ` +
    `"row") ${later} ${place}))`
  );
}
