// The table in DuckDB that gathers a part's documents before they are written.

import type { DuckDBAppender, DuckDBConnection } from '@duckdb/node-api';
import { DOUBLE, DuckDBDataChunk, FLOAT, VARCHAR } from '../data/duckdb/library.ts';
import type { DocumentBatch } from '../data/documents.ts';
import { writeNumbers, writeStrings } from '../data/duckdb/columns.ts';
import { sqlName, sqlString } from '../data/duckdb/duckdb.ts';
import { estimateTokens, type TokenRates } from '../indexer/sample/tokens.ts';
import { partFormat } from './part.ts';
import type { BatchNotes, CorpusScorer } from './scorers/kind.ts';
import { reasonAt } from './tally.ts';

const rowsPerDataChunk = 2048;

/** A part's rows in a DuckDB table. */
export interface PartTable {
  /** `cover` is the index of the covered rows they belong to. */
  append(
    cover: number,
    batch: DocumentBatch,
    tokens: Float64Array,
    scores: Float32Array,
    notes: BatchNotes | undefined,
  ): void;
  /** Writes the Parquet file; `shards` are the shards of the covered rows. */
  write(shards: readonly string[], path: string): Promise<void>;
  drop(): Promise<void>;
}

/** Creates the table of a part scored by a scorer with these outputs and details. */
export async function createTable(
  connection: DuckDBConnection,
  { outputs, details }: Pick<CorpusScorer, 'outputs' | 'details'>,
): Promise<PartTable> {
  const scoreColumns = outputs.map((output, index) => sqlName(index === 0 ? 'score' : `score_${output}`));
  const detailColumns = (details ?? []).map(sqlName);
  await connection.run(
    'CREATE OR REPLACE TABLE part (cover DOUBLE, "row" DOUBLE, document VARCHAR, source VARCHAR, tokens ' +
      `DOUBLE, ${[...scoreColumns, ...detailColumns].map((column) => `${column} FLOAT`).join(', ')}` +
      `${details === undefined ? '' : ', unknown VARCHAR'})`,
  );
  // DuckDB has no way to append NaN as NULL, and a reason is '' for a scored document.
  const written =
    details === undefined
      ? { columns: scoreColumns, order: '' }
      : {
          columns: [
            ...[...scoreColumns, ...detailColumns].map(
              (column) => `CASE WHEN isnan(${column}) THEN NULL ELSE ${column} END AS ${column}`,
            ),
            "nullif(unknown, '') AS unknown",
          ],
          order: ' ORDER BY part.unknown <> \'\', cover, "row"',
        };
  const appender = await connection.createAppender('part');
  let isOpen = true;
  const close = (): void => {
    if (isOpen) appender.closeSync();
    isOpen = false;
  };
  return {
    append: (cover, batch, tokens, scores, notes) =>
      appendBatch(appender, cover, batch, tokens, scores, outputs.length, notes),
    async write(shards, path) {
      close();
      await connection.run(
        `COPY (SELECT [${shards.map(sqlString).join(', ')}][cover::BIGINT + 1] AS shard, "row"::BIGINT ` +
          `AS "row", document, source, tokens::BIGINT AS tokens, ${written.columns.join(', ')} FROM ` +
          `part${written.order})
         TO ${sqlString(path)} (${partFormat}, USE_TMP_FILE false)`,
      );
    },
    async drop() {
      close();
      await connection.run('DROP TABLE IF EXISTS part');
    },
  };
}

/** The batch's token counts, estimated from the text's bytes if the corpus has none. */
export function countTokens(batch: DocumentBatch, rates: TokenRates): Float64Array {
  const tokens = batch.tokens.slice();
  let start = 0;
  for (let i = 0; i < batch.count; i++) {
    const end = batch.textEnds[i] ?? start;
    if (Number.isNaN(tokens[i])) tokens[i] = estimateTokens(rates, batch.sources[i] ?? '', end - start);
    start = end;
  }
  return tokens;
}

function appendBatch(
  appender: DuckDBAppender,
  cover: number,
  batch: DocumentBatch,
  tokens: Float64Array,
  scores: Float32Array,
  outputs: number,
  notes: BatchNotes | undefined,
): void {
  const details = notes === undefined ? 0 : notes.details.length / batch.count;
  const floats = Array.from({ length: outputs + details }, () => FLOAT);
  const types = [DOUBLE, DOUBLE, VARCHAR, VARCHAR, DOUBLE, ...floats];
  if (notes !== undefined) types.push(VARCHAR);
  for (let start = 0; start < batch.count; start += rowsPerDataChunk) {
    const count = Math.min(rowsPerDataChunk, batch.count - start);
    const chunk = DuckDBDataChunk.create(types, count);
    writeNumbers(chunk, 0, new Float64Array(count).fill(cover));
    writeNumbers(chunk, 1, batch.rows.subarray(start, start + count));
    writeStrings(chunk, 2, batch.documents, start, count);
    writeStrings(chunk, 3, batch.sources, start, count);
    writeNumbers(chunk, 4, tokens.subarray(start, start + count));
    const column = new Float32Array(count);
    for (let output = 0; output < outputs; output++) {
      for (let i = 0; i < count; i++) column[i] = scores[(start + i) * outputs + output] ?? 0;
      writeNumbers(chunk, 5 + output, column);
    }
    if (notes !== undefined) {
      for (let detail = 0; detail < details; detail++) {
        for (let i = 0; i < count; i++) column[i] = notes.details[(start + i) * details + detail] ?? NaN;
        writeNumbers(chunk, 5 + outputs + detail, column);
      }
      const reasons = Array.from({ length: count }, (_, i) =>
        Number.isNaN(scores[(start + i) * outputs]) ? reasonAt(notes, start + i) : '',
      );
      writeStrings(chunk, 5 + outputs + details, reasons, 0, count);
    }
    appender.appendDataChunk(chunk);
  }
}
