// Scores one chunk: batches of documents in, parts out, in memory bounded by the part's size. A chunk of which some parts are published goes on after them.
// Promises: where parts begin and end, and every byte of them, depends on the chunk and the classifier alone, not on who made them or how often it was begun.

import { mkdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { DuckDBAppender, DuckDBConnection } from '@duckdb/node-api';
import { DuckDBDataChunk, DOUBLE, FLOAT, VARCHAR } from '../data/duckdb-library.ts';
import { bytesPerBatch } from '../data/batch.ts';
import { commitFile, commitJson, sha256File } from '../data/commit.ts';
import type { DocumentBatch } from '../data/documents.ts';
import { writeNumbers, writeStrings } from '../data/duckdb-columns.ts';
import { openDuckDb, sqlName, sqlString } from '../data/duckdb.ts';
import { fail } from '../data/errors.ts';
import { openQuarantine, type QuarantineFile } from '../data/quarantine.ts';
import { readShard } from '../data/read.ts';
import type { FieldNames } from '../data/settings.ts';
import { isUnchanged } from '../data/shards.ts';
import { estimateTokens, type TokenRates } from '../indexer/tokens.ts';
import { cardFile, type ListedPart, partFile, partFormat, quarantineFile } from './part.ts';
import type { Task } from './plan.ts';
import type { CorpusScorer } from './scorers/kind.ts';
import { openTally, type Tally } from './tally.ts';

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

/** Opens a context's connections, each to a database of its own: in one, a finished part would stay in memory for as long as its file is read. */
export async function openConnections(spill: string): Promise<Pick<ScoringContext, 'connection' | 'readConnection'> & { close: () => void }> {
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
 * Scores the rows of a chunk that `published`, its first parts, does not have yet, and yields each part as its files are in place; it is published by
 * whoever lists it. `onBatch` hears of each batch and says whether to go on.
 * Errors: SHARD_CHANGED where the shard is not, or no longer, what was planned; those of reading and writing.
 */
export async function* scoreChunk(task: Task, published: readonly ListedPart[], context: ScoringContext, onBatch: (documents: number, textBytes: number) => boolean): AsyncGenerator<ListedPart> {
  const { shard, chunk } = task;
  await checkUnchanged(task);
  const last = published.at(-1);
  let number = published.length;
  let firstRow = last === undefined ? chunk.firstRow : last.firstRow + last.rows;
  let part: OpenPart | undefined;
  const open = async (): Promise<OpenPart> => openPart(task, number, context);
  const badRows = (): string => join(context.quarantine, quarantineFile(partFile(task.name, number)));
  const quarantine = {
    // Rows come in order, and the reader does not read ahead: a bad row is of the part that is open when it is met, or of the next.
    add(...row: Parameters<QuarantineFile['add']>): void {
      bad ??= openQuarantine(badRows());
      bad.add(...row);
    },
    count: 0,
  };
  let bad: QuarantineFile | undefined;
  const close = async (endRow: number, ends: ListedPart['ends']): Promise<ListedPart> => {
    part ??= await open();
    bad ??= openQuarantine(badRows());
    await checkUnchanged(task);
    const quarantineSha256 = await bad.close();
    const rows = { firstRow, rows: endRow - firstRow, ends, quarantined: bad.count, ...(quarantineSha256 === undefined ? {} : { quarantineSha256 }) };
    const listed = await part.commit(rows);
    part = undefined;
    bad = undefined;
    firstRow = endRow;
    number++;
    return listed;
  };
  const batches = readShard(shard, context.fields, { quarantine, chunk, fromRow: firstRow, batchBytes: Math.min(bytesPerBatch, task.partBytes), connection: context.readConnection });
  try {
    for (let next = await batches.next(); ; next = await batches.next()) {
      if (next.done === true) {
        yield await close(next.value, task.endsShard ? 'shard' : 'chunk');
        return;
      }
      const batch = next.value;
      if (batch.count > 0) {
        part ??= await open();
        part.add(batch);
      }
      const goOn = onBatch(batch.count, batch.text.length);
      if (part !== undefined && (part.tally.textBytes >= task.partBytes || part.tally.documents >= documentsPerPart)) yield await close((batch.rows[batch.count - 1] ?? 0) + 1, 'part');
      if (!goOn) return;
    }
  } finally {
    await batches.return(0);
    // What stays in memory is replaced by the next part.
    await part?.drop().catch(() => undefined);
    await bad?.drop();
  }
}

async function checkUnchanged({ shard }: Task): Promise<void> {
  if (!(await isUnchanged(shard))) throw fail('SHARD_CHANGED', { path: shard.path });
}

interface OpenPart {
  tally: Tally;
  add(batch: DocumentBatch): void;
  commit(rows: Pick<ListedPart, 'firstRow' | 'rows' | 'ends' | 'quarantined' | 'quarantineSha256'>): Promise<ListedPart>;
  /** Leaves no trace of a part that is not to be. */
  drop(): Promise<void>;
}

async function openPart({ name, shard }: Task, number: number, context: ScoringContext): Promise<OpenPart> {
  const { connection, scorer } = context;
  const scoreColumns = scorer.outputs.map((output, index) => sqlName(index === 0 ? 'score' : `score_${output}`));
  await connection.run(`CREATE OR REPLACE TABLE part ("row" DOUBLE, document VARCHAR, source VARCHAR, tokens DOUBLE, ${scoreColumns.map((column) => `${column} FLOAT`).join(', ')})`);
  const appender = await connection.createAppender('part');
  const tally = openTally();
  const drop = async (): Promise<void> => {
    await connection.run('DROP TABLE IF EXISTS part');
  };
  return {
    tally,
    add(batch) {
      const scores = new Float32Array(batch.count * scorer.outputs.length);
      scorer.scoreTexts(batch.text, batch.textEnds, batch.count, scores, batch.documents);
      const tokens = countTokens(batch, context.rates, tally);
      tally.add(batch, tokens, scores, scorer.outputs.length);
      appendBatch(appender, batch, tokens, scores, scorer.outputs.length);
    },
    async commit(rows) {
      appender.closeSync();
      const file = partFile(name, number);
      const path = join(context.folder, file);
      await mkdir(context.folder, { recursive: true });
      // Taken before it is in its place: from then on whoever has other plans may remove it.
      let [bytes, sha256] = [0, ''];
      await commitFile(path, async (temporary) => {
        await connection.run(
          `COPY (SELECT ${sqlString(shard.name)} AS shard, "row"::BIGINT AS "row", document, source, tokens::BIGINT AS tokens, ${scoreColumns.join(', ')} FROM part)
           TO ${sqlString(temporary)} (${partFormat}, USE_TMP_FILE false)`,
        );
        bytes = (await stat(temporary)).size;
        sha256 = await sha256File(temporary);
      });
      await drop();
      const { sources, histogram, ...counts } = tally.result();
      // There are as many as parts, and each has thousands of bins: indented, they would be of twice the size.
      const hashes = { bytes, sha256, cardSha256: await commitJson(join(context.folder, cardFile(file)), { sources, histogram }, 0) };
      return { file, shard: shard.name, shardBytes: shard.bytes, shardModifiedMs: shard.modifiedMs, ...rows, ...counts, ...hashes };
    },
    async drop() {
      appender.closeSync();
      await drop();
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

function appendBatch(appender: DuckDBAppender, batch: DocumentBatch, tokens: Float64Array, scores: Float32Array, outputs: number): void {
  const types = [DOUBLE, VARCHAR, VARCHAR, DOUBLE, ...Array.from({ length: outputs }, () => FLOAT)];
  for (let start = 0; start < batch.count; start += rowsPerDataChunk) {
    const count = Math.min(rowsPerDataChunk, batch.count - start);
    const chunk = DuckDBDataChunk.create(types, count);
    writeNumbers(chunk, 0, batch.rows.subarray(start, start + count));
    writeStrings(chunk, 1, batch.documents, start, count);
    writeStrings(chunk, 2, batch.sources, start, count);
    writeNumbers(chunk, 3, tokens.subarray(start, start + count));
    const column = new Float32Array(count);
    for (let output = 0; output < outputs; output++) {
      for (let i = 0; i < count; i++) column[i] = scores[(start + i) * outputs + output] ?? 0;
      writeNumbers(chunk, 4 + output, column);
    }
    appender.appendDataChunk(chunk);
  }
}
