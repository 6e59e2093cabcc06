// Worker thread of the leak scan: takes one chunk at a time and writes the passages found in it.

import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import { DOUBLE, VARCHAR } from '../data/duckdb/library.ts';
import type { DocumentBatch } from '../data/documents.ts';
import { sqlString, withDuckDb } from '../data/duckdb/duckdb.ts';
import { errorData } from '../run/errors/errors.ts';
import { openQuarantine } from '../data/files/quarantine.ts';
import { readShard } from '../data/read.ts';
import { appendColumns, writeParquet } from '../data/duckdb/run-files.ts';
import { type Finder, openFinder } from './find.ts';
import { jobSchema, type PartNote, type ScanReply, setupSchema, type ScanTask } from './scan-messages.ts';
import { listWords } from '../indexer/examples/words.ts';

const port = parentPort;
if (port === null) throw new Error('scan-worker must run as a worker thread');
const { items, runWords, fields, folder, quarantine: quarantineFolder } = setupSchema.parse(workerData);
const send = (reply: ScanReply): void => port.postMessage(reply);

/** Passages are stored for display and cut at this length. */
const passageCharacters = 600;
// A message for every batch would be too expensive.
const bytesPerReport = 8 << 20;

await withDuckDb({ threads: 1, memoryMb: 512 }, async (connection) => {
  const finder = openFinder(
    items.map(({ text }) => text),
    runWords,
  );
  await new Promise<void>((resolve) => {
    port.on('message', (message: unknown) => {
      const job = jobSchema.parse(message);
      if (job === 'end') {
        port.close();
        resolve();
        return;
      }
      scan(job, connection, finder).then(
        () => send({ kind: 'done' }),
        (error: unknown) => send({ kind: 'failed', error: errorData(error) }),
      );
    });
    send({ kind: 'ready' });
  });
});

async function scan(
  { name, shard, chunk }: ScanTask,
  connection: DuckDBConnection,
  finder: Finder,
): Promise<void> {
  const quarantine = openQuarantine(join(quarantineFolder, `leaks-${name}.jsonl`));
  const note: PartNote = { name, documents: 0, textBytes: 0, quarantined: 0 };
  await connection.run(
    'CREATE OR REPLACE TABLE found ("row" DOUBLE, document VARCHAR, benchmark VARCHAR, item VARCHAR, ' +
      'start_byte DOUBLE, end_byte DOUBLE, words DOUBLE, passage VARCHAR)',
  );
  let untold = 0;
  try {
    for await (const batch of readShard(shard, fields, { quarantine, chunk })) {
      await appendRows(connection, findAll(batch, finder));
      note.documents += batch.count;
      note.textBytes += batch.text.length;
      untold += batch.text.length;
      if (untold < bytesPerReport) continue;
      send({ kind: 'progress', textBytes: untold });
      untold = 0;
    }
  } finally {
    note.quarantined = quarantine.count;
    await quarantine.close();
  }
  send({ kind: 'progress', textBytes: untold });
  await writeParquet(
    connection,
    `SELECT ${sqlString(shard.name)} AS shard, "row"::BIGINT AS "row", document, benchmark, item, ` +
      'start_byte::BIGINT AS start_byte, end_byte::BIGINT AS end_byte, words::INTEGER AS words, ' +
      'passage FROM found ORDER BY "row", start_byte, benchmark, item',
    join(folder, `${name}.parquet`),
    note,
  );
}

type Row = [
  row: number,
  document: string,
  benchmark: string,
  item: string,
  startByte: number,
  endByte: number,
  words: number,
  passage: string,
];

function findAll({ count, text, textEnds, rows, documents }: DocumentBatch, finder: Finder): Row[] {
  const found: Row[] = [];
  const bytes = Buffer.from(text.buffer, text.byteOffset, text.byteLength);
  for (let i = 0; i < count; i++) {
    const start = textEnds[i - 1] ?? 0;
    for (const { item, startByte, endByte } of finder.find(text, start, textEnds[i] ?? start)) {
      const passage = bytes.toString('utf8', start + startByte, start + endByte);
      const { benchmark, item: name } = items[item] ?? { benchmark: '', item: '' };
      found.push([
        rows[i] ?? 0,
        documents[i] ?? '',
        benchmark,
        name,
        startByte,
        endByte,
        listWords(passage).length,
        passage.slice(0, passageCharacters).toWellFormed(),
      ]);
    }
  }
  return found;
}

async function appendRows(connection: DuckDBConnection, rows: readonly Row[]): Promise<void> {
  if (rows.length === 0) return;
  const appender = await connection.createAppender('found');
  const types = [DOUBLE, VARCHAR, VARCHAR, VARCHAR, DOUBLE, DOUBLE, DOUBLE, VARCHAR];
  appendColumns(appender, types, rows.length, (column, from, to) =>
    rows.slice(from, to).map((row): DuckDBValue => row[column] ?? null),
  );
  appender.closeSync();
}
