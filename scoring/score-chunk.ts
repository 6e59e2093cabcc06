// Scores one chunk or pack: batches of documents in, parts out, in memory bounded by the part's size. One of
// which some parts are published goes on after them. Promises: where parts begin and end, and every byte of
// them, depends on the task and the classifier alone, not on who made them or how often it was begun.

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
import { openQuarantine, ignoredRows, type Quarantine } from '../data/files/quarantine.ts';
import { readShard } from '../data/read.ts';
import type { FieldNames } from '../run/settings.ts';
import { isUnchanged } from '../data/shards.ts';
import { estimateTokens, type TokenRates } from '../indexer/sample/tokens.ts';
import { cardFile, type CoveredRows, type ListedPart, partFile, partFormat, quarantineFile } from './part.ts';
import type { Piece, Task } from './plan.ts';
import type { CorpusScorer } from './scorers/kind.ts';
import { openTally, type Tally } from './tally.ts';
import { sha256File } from '../data/files/hash-files.ts';

/** So that a part of the shortest of texts has bounded memory too. */
const documentsPerPart = 250_000;
const rowsPerDataChunk = 2048;

export interface ScoringContext {
  scorer: CorpusScorer;
  rates: TokenRates;
  fields: FieldNames;
  /** Folders of the parts and of their bad rows. */
  folder: string;
  quarantine: string;
  /** For the part that is being made, and for reading. */
  connection: DuckDBConnection;
  readConnection: DuckDBConnection;
}

/**
 * Opens a context's connections, each to a database of its own: in one, a finished part would stay in memory
 * for as long as its file is read.
 */
export async function openConnections(
  spill: string,
): Promise<Pick<ScoringContext, 'connection' | 'readConnection'> & { close: () => void }> {
  // A page of a file that DuckDB wrote can be of 100 MB, and the next one as well.
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
 * Scores the rows of a task that `published`, its first parts, does not have yet, and yields each part as its
 * files are in place; it is published by whoever lists it. `onBatch` hears of each batch and says whether to
 * go on. Errors: SHARD_CHANGED where a shard is not, or no longer, what was planned; those of reading and
 * writing.
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
  // Rows come in order, and the reader does not read ahead: a bad row is of the part that is open when it is
  // met.
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

/** The piece and the row that come after what is published. */
function findStart(
  pieces: readonly Piece[],
  published: readonly ListedPart[],
): { index: number; row: number } {
  const last = published.at(-1)?.covers.at(-1);
  if (last === undefined) return { index: 0, row: pieces[0]?.chunk.firstRow ?? 0 };
  const index = pieces.findIndex(({ shard }) => shard.name === last.shard);
  return last.endsShard ? { index: index + 1, row: 0 } : { index, row: last.firstRow + last.rows };
}

/** Reads a whole shard as scoring does, and does nothing with it. Errors: as `scoreChunk`. */
export async function checkShard(
  shard: Shard,
  { fields, readConnection }: Pick<ScoringContext, 'fields' | 'readConnection'>,
): Promise<void> {
  await checkUnchanged(shard);
  const batches = readShard(shard, fields, { quarantine: ignoredRows, connection: readConnection });
  while ((await batches.next()).done !== true);
}

async function checkUnchanged(shard: Shard): Promise<void> {
  if (!(await isUnchanged(shard))) throw fail('SHARD_CHANGED', { path: shard.path });
}

interface OpenPart {
  quarantine: Quarantine;
  isFull(): boolean;
  add(batch: DocumentBatch): Promise<void>;
  /** What came in since the last call are these rows of a shard. */
  cover(rows: Omit<CoveredRows, 'documents' | 'quarantined'>): void;
  commit(ends: ListedPart['ends']): Promise<ListedPart>;
  /** Leaves no trace of a part that is not to be. */
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
      // Taken before it is in its place: from then on whoever has other plans may remove it.
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
      // There are as many as parts, and each has thousands of bins: indented, they would be of twice the
      // size.
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
      // What stays in memory is replaced by the next part.
      await table?.drop().catch(() => undefined);
      await bad.drop();
    },
  };
}

/** A part's rows in DuckDB's memory. */
interface PartTable {
  /** `cover`: which of the covered rows they belong to. */
  append(cover: number, batch: DocumentBatch, tokens: Float64Array, scores: Float32Array): void;
  /** Writes the Parquet file; `shards` are those of the covered rows. */
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

/** The batch's token counts, estimated from the text's bytes where the corpus gives none. */
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
