// The documents at the margin of a selection, among those compared: the last kept and the first dropped, for
// a person to read.

import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { keptColumn, scoreColumn } from './contest.ts';
import { queryRows } from '../data/duckdb/rows.ts';

const documentsEachSide = 3;
/** Characters shown of a text. */
const excerptLength = 400;

const marginRow = z.object({
  document: z.string(),
  shard: z.string(),
  row: z.number(),
  source: z.string(),
  score: z.number(),
  kept: z.boolean(),
});
export const marginSchema = z.strictObject({ ...marginRow.shape, excerpt: z.string() }).array();
export type Margin = z.output<typeof marginSchema>;
export type MarginRow = z.output<typeof marginRow>;

/** For a selection and a contestant (both by number), best first. */
export function listMargin(
  connection: DuckDBConnection,
  selection: number,
  contestant: number,
): Promise<MarginRow[]> {
  const side = (kept: boolean): string => {
    const [score, keys] = kept ? ['ASC', 'DESC'] : ['DESC', 'ASC'];
    return (
      `(SELECT document, shard, "row", source, ${scoreColumn(contestant)}::DOUBLE AS ` +
      `score, ${keptColumn(selection)} AS kept FROM documents WHERE ${kept ? '' : 'NOT '}${keptColumn(selection)}
      ORDER BY ${scoreColumn(contestant)} ${score}, document ${keys}, shard ${keys}, "row" ${keys} ` +
      `LIMIT ${documentsEachSide})`
    );
  };
  return queryRows(
    connection,
    `SELECT document, shard, "row"::DOUBLE AS "row", source, score, kept FROM (${side(true)} UNION ` +
      `ALL ${side(false)}) ORDER BY score DESC, document, shard, "row"`,
    marginRow,
  );
}

/** The beginning of a text, on one line. */
export function excerptOf(text: string): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length > excerptLength ? `${line.slice(0, excerptLength).toWellFormed()}…` : line;
}
