// Draws the sample in one streaming pass that also counts the corpus. The sample consists of the documents
// whose keys have the smallest seeded hashes, so the order of files and rows does not matter. Memory grows
// neither with the corpus nor with the texts of the sample.

import type { DuckDBAppender, DuckDBConnection } from '@duckdb/node-api';
import { DOUBLE, INTEGER, UBIGINT, VARCHAR } from '../../data/duckdb/library.ts';
import { z } from 'zod';
import { type DocumentBatch, type Shard, textOf } from '../../data/documents.ts';
import { fail } from '../../run/errors/errors.ts';
import { keyHash } from '../../data/files/hash.ts';
import type { Report } from '../../run/progress.ts';
import type { Quarantine } from '../../data/files/quarantine.ts';
import { readShard } from '../../data/read.ts';
import type { Run } from '../../run/run.ts';
import { countUsable, describeReasons } from '../../data/files/unusable.ts';
import { corpusCountsSchema, sampleCountsSchema } from '../index-card.ts';
import { countBatch, openCorpusCount, summarize } from './corpus-count.ts';
import { appendColumns, withSpillingDuckDb, writeParquet } from '../../data/duckdb/run-files.ts';
import { offer, openSmallest, settle, type Smallest } from './smallest.ts';

/** Metadata stored in `sample.parquet`: the fingerprint of its inputs, and the counts of the pass. */
export const sampleNoteSchema = z.object({
  from: z.string(),
  corpus: corpusCountsSchema,
  sample: sampleCountsSchema,
});
export type SampleNote = z.output<typeof sampleNoteSchema>;

const columns =
  'hash UBIGINT, document VARCHAR, shard_number INTEGER, row DOUBLE, source VARCHAR, tokens DOUBLE, text VARCHAR';
const types = [UBIGINT, VARCHAR, INTEGER, DOUBLE, VARCHAR, DOUBLE, VARCHAR];

/**
 * Draws the sample and writes it to `path` (document, shard, row, source, tokens, text; tokens is null if
 * the document has no token count), ordered by (hash, document). `from` is the fingerprint of shards and
 * settings. Errors: NO_DOCUMENTS, those of `readShard`, DISK_FULL.
 */
export async function drawSample(
  run: Run,
  path: string,
  shards: readonly Shard[],
  from: string,
  quarantine: Quarantine,
  report: Report,
): Promise<SampleNote> {
  return withSpillingDuckDb(run.files.spill, async (connection) => {
    await connection.run(`CREATE TABLE candidates (${columns})`);
    const smallest = openSmallest(run.settings.sample.documents);
    const corpus = openCorpusCount();
    const usable = countUsable(quarantine);
    const candidates = openCandidates(connection);
    for (const [number, shard] of shards.entries()) {
      const before = corpus.documents;
      for await (const batch of readShard(shard, run.settings.corpus.fields, {
        quarantine: usable.quarantine,
      })) {
        countBatch(corpus, batch);
        await takeBatch(connection, candidates, smallest, batch, number, run.settings.sample.seed);
        report({ stage: 'index: read the corpus', done: corpus.documents, unit: 'documents' });
      }
      usable.endShard(shard.name, corpus.documents - before);
    }
    const withoutDocuments = usable.result();
    if (corpus.documents === 0)
      throw fail('NO_DOCUMENTS', {
        files: shards.length,
        quarantined: quarantine.count,
        reasons: describeReasons(withoutDocuments.first),
      });
    settle(smallest);
    candidates.flush();
    await pruneCandidates(connection, smallest.cutoff);
    const note = {
      from,
      corpus: summarize(corpus, shards.length, quarantine.count, withoutDocuments),
      sample: await chooseDocuments(connection),
    };
    await nameShards(connection, shards);
    await writeParquet(
      connection,
      'SELECT document, shards.name AS shard, row::BIGINT AS row, source, tokens, text FROM candidates ' +
        'JOIN shards ON shards.number = shard_number SEMI JOIN chosen USING (hash, shard_number, row) ' +
        'ORDER BY hash, document',
      path,
      note,
    );
    return note;
  });
}

interface Candidates {
  append(
    batch: DocumentBatch,
    shard: number,
    picked: readonly number[],
    hashes: readonly bigint[],
  ): Promise<void>;
  /** Call this before reading or replacing the table. */
  flush(): void;
}

/** Text to collect before handing it to DuckDB: one handover costs more than reading a small file. */
const textBytesPerFlush = 4 << 20;

function openCandidates(connection: DuckDBConnection): Candidates {
  let appender: DuckDBAppender | undefined;
  let textBytes = 0;
  const flush = (): void => {
    appender?.closeSync();
    appender = undefined;
    textBytes = 0;
  };
  return {
    async append(batch, shard, picked, hashes) {
      appender ??= await connection.createAppender('candidates');
      appendPicked(appender, batch, shard, picked, hashes);
      textBytes += batch.text.length;
      if (textBytes >= textBytesPerFlush) flush();
    },
    flush,
  };
}

/**
 * Adds the batch's documents that may be in the sample to the candidates, and drops candidates that no
 * longer can be.
 */
async function takeBatch(
  connection: DuckDBConnection,
  candidates: Candidates,
  smallest: Smallest,
  batch: DocumentBatch,
  shard: number,
  seed: number,
): Promise<void> {
  const before = smallest.cutoff;
  const picked: number[] = [];
  const hashes: bigint[] = [];
  for (let i = 0; i < batch.count; i++) {
    const hash = keyHash(batch.documents[i] ?? '', seed);
    if (!offer(smallest, hash)) continue;
    picked.push(i);
    hashes.push(hash);
  }
  if (picked.length > 0) await candidates.append(batch, shard, picked, hashes);
  if (smallest.cutoff === before) return;
  candidates.flush();
  await pruneCandidates(connection, smallest.cutoff);
}

function appendPicked(
  appender: DuckDBAppender,
  batch: DocumentBatch,
  shard: number,
  picked: readonly number[],
  hashes: readonly bigint[],
): void {
  const valueOf = [
    (i: number) => hashes[i] ?? 0n,
    (i: number) => batch.documents[picked[i] ?? 0] ?? '',
    () => shard,
    (i: number) => batch.rows[picked[i] ?? 0] ?? 0,
    (i: number) => batch.sources[picked[i] ?? 0] ?? '',
    (i: number) => numberOrNull(batch.tokens[picked[i] ?? 0]),
    (i: number) => textOf(batch, picked[i] ?? 0),
  ];
  appendColumns(appender, types, picked.length, (column, from, to) =>
    Array.from({ length: to - from }, (_, i) => valueOf[column]?.(from + i) ?? null),
  );
}

function numberOrNull(value: number | undefined): number | null {
  return value === undefined || Number.isNaN(value) ? null : value;
}

/** Drops candidates above the cutoff by copying the others, because deleted rows would keep their space. */
async function pruneCandidates(connection: DuckDBConnection, cutoff: bigint): Promise<void> {
  await connection.run(`CREATE TABLE kept AS SELECT * FROM candidates WHERE hash <= ${cutoff}`);
  await connection.run('DROP TABLE candidates');
  await connection.run('ALTER TABLE kept RENAME TO candidates');
}

/**
 * Keeps the first row of each document key, then the document with the smallest (hash, key) of each text, in
 * the table `chosen`; returns the counts.
 */
async function chooseDocuments(connection: DuckDBConnection): Promise<SampleNote['sample']> {
  await connection.run(`CREATE TABLE by_key AS
    SELECT hash, document, shard_number, row, source, md5_number(text) AS digest, strlen(text) AS bytes FROM candidates
    QUALIFY row_number() OVER (PARTITION BY hash, document ORDER BY shard_number, row) = 1`);
  await connection.run(
    'CREATE TABLE chosen AS SELECT * FROM by_key QUALIFY row_number() OVER (PARTITION BY digest ORDER ' +
      'BY hash, document) = 1',
  );
  const count = async (query: string): Promise<number[]> =>
    numbers.parse((await connection.runAndReadAll(query)).getRows()[0]);
  const [candidates = 0] = await count('SELECT count(*)::DOUBLE FROM candidates');
  const [keys = 0] = await count('SELECT count(*)::DOUBLE FROM by_key');
  const [documents = 0, textBytes = 0] = await count(
    'SELECT count(*)::DOUBLE, sum(bytes)::DOUBLE FROM chosen',
  );
  const bySource = await connection.runAndReadAll(
    'SELECT source, count(*)::DOUBLE AS documents FROM chosen GROUP BY source ORDER BY documents DESC, source',
  );
  return {
    documents,
    textBytes,
    duplicateKeys: candidates - keys,
    duplicateTexts: keys - documents,
    sources: sources.parse(bySource.getRowObjects()),
  };
}

const numbers = z.array(z.number());
const sources = z.array(z.object({ source: z.string(), documents: z.number() }));

async function nameShards(connection: DuckDBConnection, shards: readonly Shard[]): Promise<void> {
  await connection.run('CREATE TABLE shards (number INTEGER, name VARCHAR)');
  const appender = await connection.createAppender('shards');
  appendColumns(appender, [INTEGER, VARCHAR], shards.length, (column, from, to) =>
    Array.from({ length: to - from }, (_, i) => (column === 0 ? from + i : (shards[from + i]?.name ?? ''))),
  );
  appender.closeSync();
}
