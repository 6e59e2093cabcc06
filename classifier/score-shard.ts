// Scores one shard: batches of documents in, parts (Parquet and their cards) out, in memory bounded by the part's size.

import { type DuckDBAppender, type DuckDBConnection, DuckDBDataChunk, DOUBLE, FLOAT, VARCHAR } from '@duckdb/node-api';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { commitFile, sha256File } from '../data/commit.ts';
import type { DocumentBatch, Shard } from '../data/documents.ts';
import { sqlName, sqlString } from '../data/duckdb.ts';
import type { Quarantine } from '../data/quarantine.ts';
import { readShard } from '../data/read.ts';
import type { FieldNames } from '../data/settings.ts';
import { estimateTokens, type TokenRates } from '../indexer/tokens.ts';
import { binCount, type Part, scoreBin } from './part.ts';
import type { Scorer } from './scorer.ts';

/** A part holds at most about this many documents, so that a shard of any size is scored in bounded memory. */
const documentsPerPart = 500_000;
const rowsPerDataChunk = 2048;

export interface ScoringContext {
  scorer: Scorer;
  scorerFingerprint: string;
  rates: TokenRates;
  fields: FieldNames;
  /** Folder of the parts. */
  folder: string;
  connection: DuckDBConnection;
}

/** Scores every document of a shard. Returns the cards of its parts; `onBatch` hears of each batch. Errors: those of reading and writing. */
export async function scoreShard(
  shard: Shard,
  chunk: string,
  context: ScoringContext,
  quarantine: Quarantine,
  onBatch: (documents: number, textBytes: number) => void,
): Promise<Part[]> {
  const parts: Part[] = [];
  let open: OpenPart | undefined;
  const close = async (part: OpenPart): Promise<void> => {
    parts.push(await part.commit(`${chunk}-${String(parts.length).padStart(5, '0')}.parquet`));
  };
  for await (const batch of readShard(shard, context.fields, { quarantine })) {
    open ??= await openPart(shard, context);
    open.add(batch);
    onBatch(batch.count, batch.text.length);
    if (open.documents() >= documentsPerPart) {
      await close(open);
      open = undefined;
    }
  }
  if (open !== undefined || parts.length === 0) await close(open ?? (await openPart(shard, context)));
  const first = parts[0];
  if (first !== undefined) first.quarantined = quarantine.count;
  return parts;
}

interface OpenPart {
  add(batch: DocumentBatch): void;
  documents(): number;
  commit(file: string): Promise<Part>;
}

async function openPart(shard: Shard, context: ScoringContext): Promise<OpenPart> {
  const { connection, scorer } = context;
  const scoreColumns = scorer.outputs.map((name, index) => sqlName(index === 0 ? 'score' : `score_${name}`));
  await connection.run(`CREATE OR REPLACE TABLE part ("row" DOUBLE, document VARCHAR, source VARCHAR, tokens DOUBLE, ${scoreColumns.map((name) => `${name} FLOAT`).join(', ')})`);
  const appender = await connection.createAppender('part');
  const tally = openTally();
  return {
    add(batch) {
      const scores = new Float32Array(batch.count * scorer.outputs.length);
      scorer.scoreTexts(batch.text, batch.textEnds, batch.count, scores);
      const tokens = countTokens(batch, context.rates, tally);
      tally.add(batch, tokens, scores, scorer.outputs.length);
      appendBatch(appender, batch, tokens, scores, scorer.outputs.length);
    },
    documents: () => tally.documents,
    async commit(file) {
      appender.closeSync();
      const path = join(context.folder, file);
      await commitFile(path, async (temporary) => {
        await connection.run(
          `COPY (SELECT ${sqlString(shard.name)} AS shard, "row"::BIGINT AS "row", document, source, tokens::BIGINT AS tokens, ${scoreColumns.join(', ')} FROM part)
           TO ${sqlString(temporary)} (FORMAT parquet, COMPRESSION zstd)`,
        );
      });
      await connection.run('DROP TABLE part');
      return {
        file,
        shard: shard.name,
        shardBytes: shard.bytes,
        shardModifiedMs: shard.modifiedMs,
        scorer: context.scorerFingerprint,
        ...tally.result(),
        quarantined: 0,
        bytes: (await stat(path)).size,
        sha256: await sha256File(path),
      };
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
    const end = Math.min(batch.count, start + rowsPerDataChunk);
    const columns: (readonly (number | string)[])[] = [
      Array.from(batch.rows.subarray(start, end)),
      batch.documents.slice(start, end),
      batch.sources.slice(start, end),
      Array.from(tokens.subarray(start, end)),
    ];
    for (let output = 0; output < outputs; output++) {
      const column = new Array<number>(end - start);
      for (let i = start; i < end; i++) column[i - start] = scores[i * outputs + output] ?? 0;
      columns.push(column);
    }
    const chunk = DuckDBDataChunk.create(types, end - start);
    chunk.setColumns(columns);
    appender.appendDataChunk(chunk);
  }
}

interface Tally {
  documents: number;
  estimatedDocuments: number;
  add(batch: DocumentBatch, tokens: Float64Array, scores: Float32Array, outputs: number): void;
  result(): Pick<Part, 'documents' | 'tokens' | 'estimatedDocuments' | 'textBytes' | 'sources' | 'histogram'>;
}

function openTally(): Tally {
  const binDocuments = new Float64Array(binCount);
  const binTokens = new Float64Array(binCount);
  const sources = new Map<string, { documents: number; tokens: number }>();
  let allTokens = 0;
  let textBytes = 0;
  return {
    documents: 0,
    estimatedDocuments: 0,
    add(batch, tokens, scores, outputs) {
      for (let i = 0; i < batch.count; i++) {
        const documentTokens = tokens[i] ?? 0;
        const bin = scoreBin(scores[i * outputs] ?? 0);
        binDocuments[bin] = (binDocuments[bin] ?? 0) + 1;
        binTokens[bin] = (binTokens[bin] ?? 0) + documentTokens;
        allTokens += documentTokens;
        const name = batch.sources[i] ?? '';
        const source = sources.get(name);
        if (source === undefined) sources.set(name, { documents: 1, tokens: documentTokens });
        else {
          source.documents++;
          source.tokens += documentTokens;
        }
      }
      this.documents += batch.count;
      textBytes += batch.text.length;
    },
    result() {
      const histogram: Part['histogram'] = [];
      for (let bin = binCount - 1; bin >= 0; bin--) {
        const documents = binDocuments[bin] ?? 0;
        if (documents > 0) histogram.push([bin, documents, binTokens[bin] ?? 0]);
      }
      return {
        documents: this.documents,
        tokens: allTokens,
        estimatedDocuments: this.estimatedDocuments,
        textBytes,
        sources: [...sources].map(([source, counts]) => ({ source, ...counts })).sort((a, b) => (a.source < b.source ? -1 : 1)),
        histogram,
      };
    },
  };
}
