// Writes one part: adds batches of scored documents to a table in DuckDB, then writes the Parquet file, the
// bad rows and the card.

import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBAppender, DuckDBConnection } from '@duckdb/node-api';
import { DOUBLE, DuckDBDataChunk, FLOAT, VARCHAR } from '../data/duckdb/library.ts';
import { commitFile, commitJson } from '../data/files/commit.ts';
import type { DocumentBatch } from '../data/documents.ts';
import { writeNumbers, writeStrings } from '../data/duckdb/columns.ts';
import { sqlName, sqlString } from '../data/duckdb/duckdb.ts';
import { openQuarantine, type Quarantine } from '../data/files/quarantine.ts';
import { sha256File } from '../data/files/hash-files.ts';
import { estimateTokens, type TokenRates } from '../indexer/sample/tokens.ts';
import {
  addUpUnknown,
  cardFile,
  type CoveredRows,
  type ListedPart,
  partFile,
  partFormat,
  quarantineFile,
} from './part.ts';
import type { Task } from './tasks.ts';
import type { BatchNotes, CorpusScorer } from './scorers/kind.ts';
import { openTally, reasonAt } from './tally.ts';

/** Bounds the memory of a part of very short texts. */
const documentsPerPart = 250_000;
const rowsPerDataChunk = 2048;

export interface PartContext {
  scorer: CorpusScorer;
  rates: TokenRates;
  /** Folders of the parts and of their bad rows. */
  folder: string;
  quarantine: string;
  /** For the table of the current part. */
  connection: DuckDBConnection;
}

export interface OpenPart {
  quarantine: Quarantine;
  isFull(): boolean;
  /** Scores a batch; scorers that take long call `progress`. */
  add(batch: DocumentBatch, progress: BatchNotes['progress']): Promise<void>;
  /** Records that the documents added since the last call are these rows of a shard. */
  cover(rows: Omit<CoveredRows, 'documents' | 'unknown' | 'quarantined'>): void;
  commit(ends: ListedPart['ends']): Promise<ListedPart>;
  /** Discards the part. */
  drop(): Promise<void>;
}

/** Opens part `number` of a task. */
export function openPart({ name, partBytes }: Task, number: number, context: PartContext): OpenPart {
  const { scorer } = context;
  const file = partFile(name, number);
  const tally = openTally();
  const bad = openQuarantine(join(context.quarantine, quarantineFile(file)));
  const covers: CoveredRows[] = [];
  const covered = { documents: 0, unknown: 0, quarantined: 0 };
  let table: PartTable | undefined;
  return {
    quarantine: bad,
    isFull: () => tally.textBytes >= partBytes || tally.documents + tally.unknown >= documentsPerPart,
    async add(batch, progress) {
      table ??= await createTable(context);
      const scores = new Float32Array(batch.count * scorer.outputs.length);
      const notes = scorer.details === undefined ? undefined : openNotes(batch, scorer.details, progress);
      const scoring = scorer.scoreTexts(
        batch.text,
        batch.textEnds,
        batch.count,
        scores,
        batch.documents,
        notes,
      );
      if (scoring !== undefined) await scoring;
      const tokens = countTokens(batch, context.rates);
      tally.add(batch, tokens, scores, scorer.outputs.length, notes);
      table.append(covers.length, batch, tokens, scores, notes);
    },
    cover(rows) {
      covers.push({
        ...rows,
        documents: tally.documents - covered.documents,
        ...(tally.unknown === covered.unknown ? {} : { unknown: tally.unknown - covered.unknown }),
        quarantined: bad.count - covered.quarantined,
      });
      Object.assign(covered, {
        documents: tally.documents,
        unknown: tally.unknown,
        quarantined: bad.count,
      });
    },
    async commit(ends) {
      table ??= await createTable(context);
      const quarantineSha256 = await bad.close();
      const path = join(context.folder, file);
      await mkdir(context.folder, { recursive: true });
      // Hash before the rename: afterwards, a process with another plan may remove the file.
      let [bytes, sha256] = [0, ''];
      const writing = table;
      await commitFile(path, async (temporary) => {
        await writing.write(
          covers.map(({ shard }) => shard),
          temporary,
        );
        bytes = (await stat(temporary)).size;
        sha256 = await sha256File(temporary);
      });
      await table.drop();
      const { sources, histogram, unknown, ...counts } = tally.result();
      // Not indented: a card has thousands of bins, and would be twice the size.
      const hashes = {
        bytes,
        sha256,
        cardSha256: await commitJson(
          join(context.folder, cardFile(file)),
          { sources, histogram, unknown },
          0,
        ),
      };
      return {
        file,
        covers,
        ends,
        ...counts,
        ...(unknown === undefined
          ? {}
          : { unknownDocuments: tally.unknown, unknownTokens: addUpUnknown(unknown).tokens }),
        quarantined: bad.count,
        ...(quarantineSha256 === undefined ? {} : { quarantineSha256 }),
        ...hashes,
      };
    },
    async drop() {
      // If this fails, the next part replaces the table.
      await table?.drop().catch(() => undefined);
      await bad.drop();
    },
  };
}

function openNotes(
  { count }: DocumentBatch,
  details: readonly string[],
  progress: BatchNotes['progress'],
): BatchNotes {
  return {
    progress,
    reasons: new Array<string | undefined>(count),
    details: new Float32Array(count * details.length).fill(NaN),
  };
}

/** A part's rows in a DuckDB table. */
interface PartTable {
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

async function createTable({ connection, scorer: { outputs, details } }: PartContext): Promise<PartTable> {
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
function countTokens(batch: DocumentBatch, rates: TokenRates): Float64Array {
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
