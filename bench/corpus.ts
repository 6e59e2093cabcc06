// Real text for speed benchmarks: a run's corpus, repeated until it has enough bytes, in every file format.

import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { sqlString, withDuckDb } from '../data/duckdb/duckdb.ts';
import { openQuarantine } from '../data/files/quarantine.ts';
import { readShard } from '../data/read.ts';
import type { Run } from '../run/run.ts';
import { listShards } from '../data/shards.ts';
import { openZstdCompressor } from '../data/compression/zstd.ts';

/**
 * The smallest row group that DuckDB writes; datatrove and Hugging Face's libraries write 1,000 rows.
 */
const rowGroupRows = 2_048;

/**
 * The run's corpus, repeated up to `wantedBytes` of text, as one file of each kind, and as plain lines for
 * fasttext.
 */
export async function writeCorpus(
  from: Run,
  into: string,
  wantedBytes: number,
): Promise<{ gz: string; zst: string; parquet: string; plainText: string; textBytes: number }> {
  const path = (name: string): string => join(into, name);
  const texts: string[] = [];
  let textBytes = 0;
  const quarantine = openQuarantine(path('ignored.jsonl'));
  const shards = await listShards(from.settings.corpus.files, from.settingsFolder);
  const once: string[] = [];
  for (const shard of shards) {
    for await (const batch of readShard(shard, from.settings.corpus.fields, { quarantine })) {
      for (let i = 0; i < batch.count; i++)
        once.push(
          new TextDecoder().decode(batch.text.subarray(batch.textEnds[i - 1] ?? 0, batch.textEnds[i])),
        );
    }
  }
  await quarantine.close();
  while (textBytes < wantedBytes) {
    for (const text of once) {
      if (textBytes >= wantedBytes) break;
      texts.push(text);
      textBytes += Buffer.byteLength(text);
    }
  }
  const rows = (): Readable =>
    Readable.from(
      (function* () {
        for (const [id, text] of texts.entries())
          yield `${JSON.stringify({ id: `document-${id}`, source: `source-${id % 20}`, text })}\n`;
      })(),
    );
  await pipeline(rows(), createWriteStream(path('corpus.jsonl')));
  await pipeline(rows(), createGzip(), createWriteStream(path('corpus.jsonl.gz')));
  await pipeline(rows(), await openZstdCompressor(), createWriteStream(path('corpus.jsonl.zst')));
  await withDuckDb({}, (connection) =>
    connection.run(
      `COPY (SELECT * FROM read_json(${sqlString(path('corpus.jsonl'))}, format = 'newline_delimited', ` +
        `columns = {id: 'VARCHAR', source: 'VARCHAR', text: 'VARCHAR'})) ` +
        `TO ${sqlString(path('corpus.parquet'))} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE ${rowGroupRows})`,
    ),
  );
  await pipeline(
    Readable.from(
      (function* () {
        for (const text of texts) yield `${oneLine(text)}\n`;
      })(),
    ),
    createWriteStream(path('corpus.txt')),
  );
  return {
    gz: path('corpus.jsonl.gz'),
    zst: path('corpus.jsonl.zst'),
    parquet: path('corpus.parquet'),
    plainText: path('corpus.txt'),
    textBytes,
  };
}

/** A text as fasttext takes it: one line, and no end-of-sentence mark of its own. */
export function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').replaceAll('</s>', ' ');
}
