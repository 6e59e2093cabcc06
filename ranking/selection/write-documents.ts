// Writes the kept documents, shard by shard, in the corpus's format: JSONL lines byte for byte with the same
// compression, Parquet rows with all columns; on request, with one more field that says how many times to
// repeat a document. Files keep the names of their shards.

import { createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { type Duplex, PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { shardsOf, type ShardState } from '../../scoring/shard-changes.ts';
import { commitFile } from '../../data/files/commit.ts';
import type { Shard } from '../../data/documents.ts';
import { parquetSource, sqlString } from '../../data/duckdb/duckdb.ts';
import { fail } from '../../run/errors/errors.ts';
import type { Report } from '../../run/progress.ts';
import { readRawRows } from '../../data/read.ts';
import type { Run } from '../../run/run.ts';
import { listCorpus } from '../../data/shards.ts';
import { openZstdCompressor } from '../../data/compression/zstd.ts';
import type { Ranking } from '../generation.ts';
import { cutLine } from './excise.ts';
import { addRepeat } from './repeat-field.ts';
import { type LeakMask, type PassageRow, passageRow, shardPassages } from './leak-mask.ts';
import { documentsFolder } from './out-folder.ts';
import { withRunDatabase } from '../../data/duckdb/run-database.ts';
import { queryRows } from '../../data/duckdb/rows.ts';
import { nameFiles } from './name-files.ts';
import { repeatColumn } from './repeat.ts';
import { type Copied, copyParquetRows, readColumns, type Wanted } from './copy-parquet.ts';

/** Lines are compressed in blocks of this many bytes, as each call costs a thread switch. */
const bytesPerWrite = 1 << 18;

interface Changes {
  /** Its passages are cut out of the documents. */
  cut: LeakMask | undefined;
  /** Whether to add the field that says how many times to repeat a document. */
  repeats: boolean;
}

/**
 * Writes each shard's documents that `rowsPath` (a selection.parquet) lists. Returns the files, as paths with
 * "/", and how many documents each has. Errors: SHARD_CHANGED, FILE_NOT_FOUND, ZSTD_MISSING, FIELD_TAKEN;
 * those of reading the corpus and of writing.
 */
export async function writeDocuments(
  run: Run,
  ranking: Ranking,
  rowsPath: string,
  folder: string,
  report: Report,
  { cut, repeats }: Changes,
): Promise<{ file: string; documents: number }[]> {
  const selected = parquetSource(rowsPath);
  const shards = new Map((await listCorpus(run)).map((shard) => [shard.name, shard]));
  const ranked = new Map(shardsOf(ranking.parts).map((shard) => [shard.name, shard]));
  const names = nameFiles([...ranked.keys()]);
  return withRunDatabase(run, async (connection) => {
    const counts = await queryRows(
      connection,
      `SELECT shard, count(*)::DOUBLE AS documents FROM ${selected} GROUP BY shard ORDER BY shard`,
      shardCount,
    );
    const total = counts.reduce((sum, { documents }) => sum + documents, 0);
    const written: { file: string; documents: number }[] = [];
    let done = 0;
    for (const { shard: name, documents } of counts) {
      const shard = checkShard(name, shards.get(name), ranked.get(name));
      const [rows = [], times] = await readColumns(
        connection,
        `SELECT "row"::DOUBLE AS "row"${repeats ? `, ${repeatColumn}::DOUBLE AS times` : ''} FROM ${selected} ` +
          `WHERE shard = ${sqlString(name)} ORDER BY "row"`,
      );
      const file = `${documentsFolder}/${names.get(name) ?? ''}`;
      const passages =
        cut === undefined ? new Map<number, PassageRow[]>() : await readPassages(connection, cut, name);
      let copied = { rows: 0, documents: 0 };
      await commitFile(join(folder, file), async (temporary) => {
        copied = await (shard.format === 'parquet' ? copyParquetRows : copyLines)(
          { shard, rows, times, fields: run.settings.corpus.fields, passages },
          temporary,
        );
        if (copied.rows !== documents) throw fail('SHARD_CHANGED', { path: shard.path });
      });
      written.push({ file, documents: copied.documents });
      done += documents;
      report({ stage: 'select', done, total, unit: 'documents' });
    }
    return written;
  });
}

const shardCount = z.object({ shard: z.string(), documents: z.number() });

/** The shard, if it is unchanged since ranking: row numbers mean nothing in another file. */
function checkShard(name: string, shard: Shard | undefined, ranked: ShardState | undefined): Shard {
  if (shard === undefined) throw fail('FILE_NOT_FOUND', { path: name, what: 'Shard' });
  if (ranked?.bytes !== shard.bytes || ranked.modifiedMs !== shard.modifiedMs)
    throw fail('SHARD_CHANGED', { path: shard.path });
  return shard;
}

async function readPassages(
  connection: DuckDBConnection,
  cut: LeakMask,
  shard: string,
): Promise<Map<number, PassageRow[]>> {
  const byRow = new Map<number, PassageRow[]>();
  for (const passage of await queryRows(connection, shardPassages(cut, shard), passageRow))
    byRow.set(passage.row, [...(byRow.get(passage.row) ?? []), passage]);
  return byRow;
}

async function copyLines({ shard, rows, times, fields, passages }: Wanted, path: string): Promise<Copied> {
  const copied: Copied = { rows: 0, documents: 0 };
  async function* blocks(): AsyncGenerator<Uint8Array> {
    let block: Uint8Array[] = [];
    let bytes = 0;
    for await (const line of readRawRows(shard, rows)) {
      const at = copied.rows++;
      const ofRow = passages.get(rows[at] ?? -1);
      const repeated = times === undefined ? line : addRepeat(line, times[at] ?? 1, shard);
      // A copy, because the reader may reuse the line's memory.
      const lines = ofRow === undefined ? [Buffer.from(repeated)] : cutLine(repeated, fields, ofRow);
      copied.documents += lines.length;
      for (const kept of lines) {
        block.push(kept, newline);
        bytes += kept.length + 1;
      }
      if (bytes < bytesPerWrite) continue;
      yield Buffer.concat(block);
      block = [];
      bytes = 0;
    }
    yield Buffer.concat(block);
  }
  await pipeline(blocks, await openCompressor(shard.format), createWriteStream(path));
  return copied;
}

const newline = Buffer.from('\n');

async function openCompressor(format: Shard['format']): Promise<Duplex> {
  switch (format) {
    case 'jsonl.gz':
      return createGzip();
    case 'jsonl.zst':
      return openZstdCompressor();
    case 'jsonl':
    case 'parquet':
      return new PassThrough();
  }
}
