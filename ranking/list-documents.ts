// The documents of a ranking, page by page: around the cutoff, from the top, from the bottom, or in a seeded
// order of chance. A page is found by the keys of the last document before it, so that no document comes
// twice or is missed, whatever the page's length.

import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { sqlName, sqlString } from '../data/duckdb/duckdb.ts';
import { fail } from '../run/errors/errors.ts';
import { fingerprint, type Run } from '../run/run.ts';
import { type Cutoff, keptCondition } from './cutoff.ts';
import type { Ranking } from './generation.ts';
import { positionsTable } from './order/positions.ts';
import { withScores } from './scores.ts';
import { shardId } from './shards.ts';
import { queryRows, sqlList, sqlScore } from '../data/duckdb/rows.ts';

const count = z.number().int().nonnegative();

export const rankedDocumentSchema = z.strictObject({
  document: z.string(),
  shard: z.string(),
  /** Names the shard in addresses. */
  shardId: z.string(),
  row: count,
  source: z.string(),
  tokens: count,
  /** The joint score; in a ranking by chosen benchmarks the best corpus percentile among them. */
  score: z.number(),
  /** In a ranking by chosen benchmarks the one that the score is from; else null. */
  winner: z.string().nullable(),
  /** The benchmarks' own scores. */
  benchmarks: z.record(z.string(), z.number()),
  /** Whether the cutoff that was asked about keeps it; null where none was. */
  kept: z.boolean().nullable(),
});
export type RankedDocument = z.output<typeof rankedDocumentSchema>;

export const orders = ['top', 'bottom', 'random'] as const;

export interface Listing {
  order: (typeof orders)[number];
  /** Of the order of chance. */
  seed: number;
  /** Orders by this benchmark's own score in place of the joint one. */
  benchmark?: string;
  source?: string;
  limit: number;
  /** Where the page before ended: its `next`. */
  cursor?: string;
}

export interface Page {
  documents: RankedDocument[];
  /** For the next page; null where this is the last. */
  next: string | null;
}

type Cut = Pick<Cutoff, 'score' | 'last'>;

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
 * (highest first), `limit` of each. `around`: the positions of these, of whatever source, and of one more on
 * each side, so that nothing else is looked at. Errors: as `listDocuments`.
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
  // A ranking by chosen benchmarks has its scores beside all of the parts.
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

/** The column of the joint score, or of a benchmark's own. */
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

/** How documents are ordered: best or worst first by a column of scores, or by chance. */
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
  // A cursor is of use for the same question only.
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

/** What is ordered by first. The chance of a document depends on its keys and the seed alone. */
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

const cursorSchema = z.strictObject({
  generation: z.string(),
  question: z.string(),
  key: z.string().regex(/^[-+.\de]+$/),
  document: z.string(),
  shard: z.string(),
  row: count,
});
type CursorKeys = z.output<typeof cursorSchema>;

function writeCursor(keys: CursorKeys): string {
  return Buffer.from(JSON.stringify(keys)).toString('base64url');
}

function readCursor(cursor: string, generation: string, question: string): CursorKeys {
  const refused = (): Error =>
    fail('OPTION_INVALID', {
      option: 'cursor',
      got: cursor.slice(0, 60),
      allowed: 'the complete "next" of an answer to the same question',
    });
  let keys: CursorKeys;
  try {
    keys = cursorSchema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
  } catch {
    throw refused();
  }
  if (keys.generation !== generation)
    throw fail('CURSOR_STALE', { got: keys.generation.slice(0, 40), now: generation });
  if (keys.question !== question || Number.isNaN(Number(keys.key))) throw refused();
  return keys;
}

const rowSchema = z.object({
  document: z.string(),
  shard: z.string(),
  row: count,
  source: z.string(),
  tokens: count,
  // Adding 0 makes -0 and 0 one score.
  score: z.number().transform((score) => score + 0),
  benchmarks: sqlList(z.number()),
  winner: z.number().nullable(),
  kept: z.boolean().nullable(),
  order: z.string().optional(),
});

function columnsOf(ranking: Ranking, cutoff: Cut | undefined): string {
  const benchmarks = ranking.scorer.outputs.slice(1).map((name) => sqlName(`score_${name}`));
  return (
    'document, shard, "row"::DOUBLE AS "row", source, tokens::DOUBLE AS tokens, score, ' +
    `[${benchmarks.join(', ')}]::FLOAT[] AS ` +
    `benchmarks, ${ranking.chosen === undefined ? 'NULL' : 'winner'}::INTEGER AS ` +
    `winner, ${cutoff === undefined ? 'NULL::BOOLEAN' : keptCondition(cutoff)} AS kept`
  );
}

function describeRow(
  ranking: Ranking,
  { document, shard, row, source, tokens, score, benchmarks, winner, kept }: z.output<typeof rowSchema>,
): RankedDocument {
  const names = ranking.scorer.outputs.slice(1);
  return {
    document,
    shard,
    shardId: shardId(shard),
    row,
    source,
    tokens,
    score,
    winner: winner === null ? null : (ranking.chosen?.benchmarks[winner] ?? null),
    kept,
    benchmarks: Object.fromEntries(names.map((name, i) => [name, benchmarks[i] ?? 0])),
  };
}
