// Reads one page of documents in the order of their scores.

import type { DuckDBConnection } from '@duckdb/node-api';
import { sqlString } from '../data/duckdb/duckdb.ts';
import { fingerprint } from '../run/run.ts';
import type { Ranking } from './generation.ts';
import { queryRows, sqlScore } from '../data/duckdb/rows.ts';
import { type CursorKeys, writeCursor, readCursor } from './document-cursor.ts';
import { columnsOf, describeRow, type RankedDocument, rowSchema } from './ranked-document.ts';
import type { Cutoff } from './cutoff.ts';

export interface Page {
  documents: RankedDocument[];
  /** Cursor of the next page; null if this is the last. */
  next: string | null;
}

export type Cut = Pick<Cutoff, 'score' | 'last'>;

/** How documents are ordered: best or worst first by a score column, or randomly. */
export type Way = { order: 'top' | 'bottom'; score: string } | { order: 'random'; seed: number };

interface Context {
  connection: DuckDBConnection;
  table: string;
  ranking: Ranking;
  cutoff: Cut | undefined;
}

export async function readPage(
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
