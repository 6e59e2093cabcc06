// Draws the sample in one streaming pass that also counts the corpus. The sample consists of the documents
// whose keys have the smallest seeded hashes, so the order of files and rows does not matter. Memory grows
// neither with the corpus nor with the texts of the sample.

import type { DuckDBConnection } from '@duckdb/node-api';
import { INTEGER, VARCHAR } from '../../data/duckdb/library.ts';
import { z } from 'zod';
import type { Shard } from '../../data/documents.ts';
import { fail } from '../../run/errors/errors.ts';
import type { Report } from '../../run/progress.ts';
import type { Quarantine } from '../../data/files/quarantine.ts';
import { readShard } from '../../data/read.ts';
import type { Run } from '../../run/run.ts';
import { countUsable, describeReasons } from '../../data/files/unusable.ts';
import { corpusCountsSchema, sampleCountsSchema } from '../index-card.ts';
import { countBatch, openCorpusCount, summarize } from './corpus-count.ts';
import { appendColumns, withSpillingDuckDb, writeParquet } from '../../data/duckdb/run-files.ts';
import { openSmallest, settle } from './smallest.ts';
import { columns, openCandidates, takeBatch, pruneCandidates } from './candidates.ts';

/** Metadata stored in `sample.parquet`: the fingerprint of its inputs, and the counts of the pass. */
export const sampleNoteSchema = z.object({
  from: z.string(),
  corpus: corpusCountsSchema,
  sample: sampleCountsSchema,
});
export type SampleNote = z.output<typeof sampleNoteSchema>;

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
