// Streams the rows that a cutoff keeps, ordered by shard name (UTF-8) and row, no faster than they are
// consumed.

import type { DuckDBDataChunk } from '@duckdb/node-api';
import { DuckDBBigIntVector, DuckDBFloatVector, DuckDBVarCharVector } from '../../data/duckdb/library.ts';
import { streamChunks } from '../../data/duckdb/stream.ts';
import { fail } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import { type Cut, type Cutoff, keptCondition } from '../cutoff.ts';
import type { Ranking } from '../generation.ts';
import { withScores } from '../scores.ts';
import { repeatColumn } from './repeat.ts';

/** A block of kept rows, by column. */
export interface KeptRows {
  shards: string[];
  rows: BigInt64Array;
  documents: string[];
  scores: Float32Array;
}

/** Rows in every block but the last, so that blocks do not depend on the number of threads. */
const blockRows = 4096;

/** What is kept: documents by a cut, and perhaps all of a table of documents without a score. */
export type Keeping = Cut & { unknown?: string };

/** SQL of the kept documents of a table of scores, and of its own columns. */
export function keptTable(table: string, keeping: Keeping): string {
  const kept = `SELECT * FROM ${table} WHERE ${keptCondition(keeping)}`;
  return keeping.unknown === undefined
    ? `(${kept})`
    : `(${kept} UNION ALL BY NAME SELECT * FROM ${keeping.unknown})`;
}

/**
 * The query of the kept rows: shard, row, document, score (null for documents without one), and `repeat` if its
 * SQL is given.
 */
export function keptQuery(table: string, keeping: Keeping, repeat?: string): string {
  const more = repeat === undefined ? '' : `, ${repeat} AS ${repeatColumn}`;
  return `SELECT shard, "row", document, score${more} FROM ${keptTable(table, keeping)} ORDER BY shard, "row"`;
}

/**
 * Passes the kept rows to `use`, block by block; an abort interrupts the query immediately. Errors:
 * FILE_DAMAGED if the number of rows differs from the cutoff's; those of `withScores` and of `use`.
 */
export async function eachKeptRow(
  run: Run,
  ranking: Ranking,
  cutoff: Cutoff,
  signal: AbortSignal,
  use: (blocks: AsyncIterable<KeptRows>) => Promise<void>,
): Promise<void> {
  await withScores(run, ranking, (connection, table) =>
    use(readBlocks(run, streamChunks(connection, keptQuery(table, cutoff), signal), cutoff.documents)),
  );
}

async function* readBlocks(
  run: Run,
  chunks: AsyncIterable<DuckDBDataChunk>,
  expected: number,
): AsyncGenerator<KeptRows> {
  let block = openBlock();
  let filled = 0;
  let all = 0;
  for await (const chunk of chunks) {
    for (let from = 0; from < chunk.rowCount;) {
      const taken = Math.min(chunk.rowCount - from, blockRows - filled);
      copyRows(chunk, from, taken, block, filled);
      from += taken;
      filled += taken;
      if (filled < blockRows) continue;
      yield block;
      block = openBlock();
      filled = 0;
    }
    all += chunk.rowCount;
  }
  if (all !== expected)
    throw fail('FILE_DAMAGED', {
      path: run.files.scores,
      reason: `${all} documents are above the cutoff, but the ranking counts ${expected}`,
      command: 'betr rank',
    });
  if (filled > 0)
    yield { ...block, rows: block.rows.subarray(0, filled), scores: block.scores.subarray(0, filled) };
}

function openBlock(): KeptRows {
  return {
    shards: [],
    rows: new BigInt64Array(blockRows),
    documents: [],
    scores: new Float32Array(blockRows),
  };
}

function copyRows(chunk: DuckDBDataChunk, from: number, count: number, block: KeptRows, at: number): void {
  const [shards, rows, documents, scores] = [0, 1, 2, 3].map((column) => chunk.getColumnVector(column));
  if (!(
    shards instanceof DuckDBVarCharVector &&
    rows instanceof DuckDBBigIntVector &&
    documents instanceof DuckDBVarCharVector &&
    scores instanceof DuckDBFloatVector
  )) {
    throw fail('INTERNAL', {
      reason: 'the score columns have unexpected types',
    });
  }
  for (let i = 0; i < count; i++) {
    block.shards.push(shards.getItem(from + i) ?? '');
    block.documents.push(documents.getItem(from + i) ?? '');
    block.rows[at + i] = rows.getItem(from + i) ?? 0n;
    block.scores[at + i] = scores.getItem(from + i) ?? 0;
  }
}
