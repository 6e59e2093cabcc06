// Scores one chunk or pack: reads batches of documents and writes parts, in memory bounded by a part's size.
// Continues after parts that are already published. Promises: the boundaries and every byte of the parts
// depend on the task and the scorer only, not on which worker made them or how often it was restarted.

import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBAppender, DuckDBConnection } from '@duckdb/node-api';
import { DOUBLE, DuckDBDataChunk, FLOAT, VARCHAR } from '../data/duckdb/library.ts';
import { bytesPerBatch } from '../data/batch.ts';
import { commitFile, commitJson } from '../data/files/commit.ts';
import type { DocumentBatch, Shard } from '../data/documents.ts';
import { writeNumbers, writeStrings } from '../data/duckdb/columns.ts';
import { openDuckDb, sqlName, sqlString } from '../data/duckdb/duckdb.ts';
import { fail } from '../run/errors/errors.ts';
import { openQuarantine, passOver, type Quarantine } from '../data/files/quarantine.ts';
import { readShard } from '../data/read.ts';
import type { FieldNames } from '../run/settings.ts';
import { isUnchanged } from '../data/shards.ts';
import { estimateTokens, type TokenRates } from '../indexer/sample/tokens.ts';
import { cardFile, type CoveredRows, type ListedPart, partFile, partFormat, quarantineFile } from './part.ts';
import type { Piece, Task } from './plan.ts';
import type { CorpusScorer } from './scorers/kind.ts';
import { openTally, type Tally } from './tally.ts';
import { sha256File } from '../data/files/hash-files.ts';

/** Bounds the memory of a part of very short texts. */
const documentsPerPart = 250_000;
const rowsPerDataChunk = 2048;

export interface ScoringContext {
  scorer: CorpusScorer;
  rates: TokenRates;
  fields: FieldNames;
  /** Folders of the parts and of their bad rows. */
  folder: string;
  quarantine: string;
  /** One connection for writing the current part, one for reading. */
  connection: DuckDBConnection;
  readConnection: DuckDBConnection;
}

/**
 * Opens a context's connections, each to its own database: in a shared one, a finished part would stay in
 * memory while the file is read.
 */
export async function openConnections(
  spill: string,
): Promise<Pick<ScoringContext, 'connection' | 'readConnection'> & { close: () => void }> {
  // A Parquet page that DuckDB wrote can have 100 MB, and so can the next one.
  const limits = { threads: 1, memoryMb: 256, keptMb: 16, spill };
  const [writing, reading] = [await openDuckDb(limits), await openDuckDb(limits)];
  return {
    connection: writing.connection,
    readConnection: reading.connection,
    close() {
      writing.close();
      reading.close();
    },
  };
}

/**
 * Scores the rows of a task that its `published` parts do not cover, and yields each part once its files are
 * in place; the caller publishes it. `onBatch` is called after each batch and returns whether to continue.
 * Errors: SHARD_CHANGED if a shard differs from the plan; those of reading and writing.
 */
export async function* scoreChunk(
  task: Task,
  published: readonly ListedPart[],
  context: ScoringContext,
  onBatch: (documents: number, textBytes: number) => boolean,
): AsyncGenerator<ListedPart> {
  const { pieces, partBytes } = task;
  const start = findStart(pieces, published);
  let number = published.length;
  let part = openPart(task, number, context);
  // Rows come in order and the reader does not read ahead, so a bad row belongs to the part that is open.
  const quarantine: Quarantine = { add: (...row) => part.quarantine.add(...row), count: 0 };
  const commit = async (ends: ListedPart['ends']): Promise<ListedPart> => {
    const listed = await part.commit(ends);
    part = openPart(task, ++number, context);
    return listed;
  };
  try {
    for (const [index, { shard, chunk, endsShard }] of pieces.entries()) {
      if (index < start.index) continue;
      await checkUnchanged(shard);
      let firstRow = index === start.index ? start.row : chunk.firstRow;
      const cover = async (endRow: number, ends: boolean): Promise<void> => {
        await checkUnchanged(shard);
        part.cover({
          shard: shard.name,
          bytes: shard.bytes,
          modifiedMs: shard.modifiedMs,
          firstRow,
          rows: endRow - firstRow,
          endsShard: ends,
        });
        firstRow = endRow;
      };
      const batches = readShard(shard, context.fields, {
        quarantine,
        chunk,
        fromRow: firstRow,
        batchBytes: Math.min(bytesPerBatch, partBytes),
        connection: context.readConnection,
      });
      try {
        for (;;) {
          const next = await batches.next();
          if (next.done === true) {
            await cover(next.value, endsShard);
            break;
          }
          const batch = next.value;
          if (batch.count > 0) await part.add(batch);
          const goOn = onBatch(batch.count, batch.text.length);
          if (part.isFull()) {
            await cover((batch.rows[batch.count - 1] ?? 0) + 1, false);
            yield await commit('part');
          }
          if (!goOn) return;
        }
      } finally {
        await batches.return(0);
      }
    }
    yield await commit('chunk');
  } finally {
    await part.drop();
  }
}

/** The piece and row that follow the published parts. */
function findStart(
  pieces: readonly Piece[],
  published: readonly ListedPart[],
): { index: number; row: number } {
  const last = published.at(-1)?.covers.at(-1);
  if (last === undefined) return { index: 0, row: pieces[0]?.chunk.firstRow ?? 0 };
  const index = pieces.findIndex(({ shard }) => shard.name === last.shard);
  return last.endsShard ? { index: index + 1, row: 0 } : { index, row: last.firstRow + last.rows };
}

/** Reads a whole shard as scoring does, to find errors. Errors: as `scoreChunk`. */
export async function checkShard(
  shard: Shard,
  { fields, readConnection }: Pick<ScoringContext, 'fields' | 'readConnection'>,
): Promise<void> {
  await checkUnchanged(shard);
  const batches = readShard(shard, fields, { quarantine: passOver, connection: readConnection });
  while ((await batches.next()).done !== true);
}

async function checkUnchanged(shard: Shard): Promise<void> {
  if (!(await isUnchanged(shard))) throw fail('SHARD_CHANGED', { path: shard.path });
}

interface OpenPart {
  quarantine: Quarantine;
  isFull(): boolean;
  add(batch: DocumentBatch): Promise<void>;
  /** Records that the documents added since the last call are these rows of a shard. */
  cover(rows: Omit<CoveredRows, 'documents' | 'quarantined'>): void;
  commit(ends: ListedPart['ends']): Promise<ListedPart>;
  /** Discards the part. */
  drop(): Promise<void>;
}

function openPart({ name, partBytes }: Task, number: number, context: ScoringContext): OpenPart {
  const { scorer } = context;
  const file = partFile(name, number);
  const tally = openTally();
  const bad = openQuarantine(join(context.quarantine, quarantineFile(file)));
  const covers: CoveredRows[] = [];
  const covered = { documents: 0, quarantined: 0 };
  let table: PartTable | undefined;
  return {
    quarantine: bad,
    isFull: () => tally.textBytes >= partBytes || tally.documents >= documentsPerPart,
    async add(batch) {
      table ??= await createTable(context);
      const scores = new Float32Array(batch.count * scorer.outputs.length);
      scorer.scoreTexts(batch.text, batch.textEnds, batch.count, scores, batch.documents);
      const tokens = countTokens(batch, context.rates, tally);
      tally.add(batch, tokens, scores, scorer.outputs.length);
      table.append(covers.length, batch, tokens, scores);
    },
    cover(rows) {
      covers.push({
        ...rows,
        documents: tally.documents - covered.documents,
        quarantined: bad.count - covered.quarantined,
      });
      Object.assign(covered, { documents: tally.documents, quarantined: bad.count });
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
      const { sources, histogram, ...counts } = tally.result();
      // Not indented: a card has thousands of bins, and would be twice the size.
      const hashes = {
        bytes,
        sha256,
        cardSha256: await commitJson(join(context.folder, cardFile(file)), { sources, histogram }, 0),
      };
      return {
        file,
        covers,
        ends,
        ...counts,
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

/** A part's rows in a DuckDB table. */
interface PartTable {
  /** `cover` is the index of the covered rows they belong to. */
  append(cover: number, batch: DocumentBatch, tokens: Float64Array, scores: Float32Array): void;
  /** Writes the Parquet file; `shards` are the shards of the covered rows. */
  write(shards: readonly string[], path: string): Promise<void>;
  drop(): Promise<void>;
}

async function createTable({ connection, scorer: { outputs } }: ScoringContext): Promise<PartTable> {
  const scoreColumns = outputs.map((output, index) => sqlName(index === 0 ? 'score' : `score_${output}`));
  await connection.run(
    'CREATE OR REPLACE TABLE part (cover DOUBLE, "row" DOUBLE, document VARCHAR, source VARCHAR, tokens ' +
      `DOUBLE, ${scoreColumns.map((column) => `${column} FLOAT`).join(', ')})`,
  );
  const appender = await connection.createAppender('part');
  let isOpen = true;
  const close = (): void => {
    if (isOpen) appender.closeSync();
    isOpen = false;
  };
  return {
    append: (cover, batch, tokens, scores) =>
      appendBatch(appender, cover, batch, tokens, scores, outputs.length),
    async write(shards, path) {
      close();
      await connection.run(
        `COPY (SELECT [${shards.map(sqlString).join(', ')}][cover::BIGINT + 1] AS shard, "row"::BIGINT ` +
          `AS "row", document, source, tokens::BIGINT AS tokens, ${scoreColumns.join(', ')} FROM part)
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
function countTokens(batch: DocumentBatch, rates: TokenRates, tally: Tally): Float64Array {
  const tokens = batch.tokens.slice();
  let start = 0;
  for (let i = 0; i < batch.count; i++) {
    const end = batch.textEnds[i] ?? start;
    if (Number.isNaN(tokens[i])) {
      tokens[i] = estimateTokens(rates, batch.sources[i] ?? '', end - start);
      tally.estimatedDocuments++;
    }
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
): void {
  const types = [DOUBLE, DOUBLE, VARCHAR, VARCHAR, DOUBLE, ...Array.from({ length: outputs }, () => FLOAT)];
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
    appender.appendDataChunk(chunk);
  }
}
