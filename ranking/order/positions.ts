// Reads the keys of documents identified by position, their place among all rows of the ranking's parts.

import { join } from 'node:path';
import { z } from 'zod';
import { count } from '../../run/schemas.ts';
import { parquetSource } from '../../data/duckdb/duckdb.ts';
import { fail } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import type { Ranking } from '../generation.ts';
import { withScores } from '../scores.ts';
import { queryRows } from '../../data/duckdb/rows.ts';

export interface Key {
  position: number;
  document: string;
  shard: string;
  row: number;
}

const keyRow = z.object({ position: count, document: z.string(), shard: z.string(), row: count });

/**
 * The keys of up to a few hundred documents, in the order that decides among equal scores. Errors: those of
 * `withScores`.
 */
export async function readKeys(run: Run, ranking: Ranking, positions: Uint32Array): Promise<Key[]> {
  const wanted =
    'SELECT position::DOUBLE AS position, document, shard, "row"::DOUBLE AS "row" ' +
    `FROM ${partsTable(run, ranking, positions)} ORDER BY document, shard, "row"`;
  const keys = await withScores(run, ranking, (connection) => queryRows(connection, wanted, keyRow));
  if (keys.length !== positions.length)
    throw fail('FILE_DAMAGED', {
      path: run.files.scores,
      reason: `only ${keys.length} of ${positions.length} documents are at their recorded positions`,
      command: 'betr rank',
    });
  return keys;
}

/** The SQL of a table of the documents at up to a few hundred positions, with the columns of `withScores`. */
export function positionsTable(run: Run, ranking: Ranking, positions: Uint32Array): string {
  const parts = partsTable(run, ranking, positions);
  if (ranking.chosen === undefined) return parts;
  const target =
    'SELECT score, winner, file_row_number AS position ' +
    `FROM ${parquetSource(ranking.chosen.path, 'file_row_number = true')} WHERE file_row_number ` +
    `IN (${[...positions].join(', ')})`;
  return (
    `(SELECT parts.* REPLACE (target.score AS score), target.winner FROM ${parts} parts JOIN ` +
    `(${target}) target USING (position))`
  );
}

/** Rows of the parts, and a column `position`. */
function partsTable(run: Run, ranking: Ranking, positions: Uint32Array): string {
  const starts: number[] = [];
  let next = 0;
  for (const part of ranking.parts) {
    starts.push(next);
    next += part.documents;
  }
  const rowsByPart = new Map<number, number[]>();
  for (const position of positions) {
    const part = starts.findLastIndex((start) => start <= position);
    rowsByPart.set(part, [...(rowsByPart.get(part) ?? []), position - (starts[part] ?? 0)]);
  }
  const rows = [...rowsByPart].map(([part, own]) => {
    const path = join(run.files.scores, ranking.parts[part]?.file ?? '');
    return (
      `SELECT *, file_row_number + ${starts[part] ?? 0} AS position ` +
      `FROM ${parquetSource(path, 'file_row_number = true')} WHERE file_row_number IN (${own.join(', ')})`
    );
  });
  return `(${rows.join(' UNION ALL ')})`;
}
