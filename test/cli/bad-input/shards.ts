// Shards that `betr index` refuses.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { compress } from '../../data/compression/zstd.ts';
import { sqlString, withDuckDb } from '../../../data/duckdb/duckdb.ts';
import { jsonl } from '../project.ts';
import { type BadInput, type Damage, documents } from './input.ts';

const good = jsonl(documents);

const shard =
  (name: string, content: () => Uint8Array | string | Promise<Uint8Array>): Damage =>
  async (folder) =>
    writeFile(join(folder, 'corpus', name), await content());

async function parquetBytes(query: string): Promise<Buffer> {
  const folder = await mkdtemp(join(tmpdir(), 'betr-parquet-'));
  const path = join(folder, 'made.parquet');
  try {
    await withDuckDb({}, async (connection) => {
      await connection.run(`COPY (${query}) TO ${sqlString(path)} (FORMAT parquet)`);
    });
    return await readFile(path);
  } finally {
    await rm(folder, { recursive: true });
  }
}

export const badShards: readonly BadInput[] = [
  [
    'a file of an unsupported format',
    shard('b.csv', () => 'id,text\n'),
    1,
    'FILE_KIND_UNKNOWN',
    /b\.csv is not a supported file format/,
  ],
  [
    'a gz without gzip data',
    shard('b.jsonl.gz', () => 'plain text'),
    1,
    'FILE_UNREADABLE',
    /b\.jsonl\.gz cannot be read/,
  ],
  ['an empty gz', shard('b.jsonl.gz', () => ''), 1, 'FILE_UNREADABLE', /it is empty/],
  [
    'half a gz',
    shard('b.jsonl.gz', () => gzipSync(good).subarray(0, 300)),
    1,
    'FILE_UNREADABLE',
    /the gzip member that starts at byte 0 is incomplete/,
  ],
  [
    'a gz with garbage at its end',
    shard('b.jsonl.gz', () => Buffer.concat([gzipSync(good), Buffer.from('rubbish')])),
    1,
    'FILE_UNREADABLE',
    /at byte \d+ it has the bytes .*, not a gzip member or the end of the file/,
  ],
  [
    'a zst without Zstandard data',
    shard('b.jsonl.zst', () => 'plain text'),
    1,
    'FILE_UNREADABLE',
    /b\.jsonl\.zst cannot be read/,
  ],
  [
    'half a zst',
    shard('b.jsonl.zst', () => compress(Buffer.from(good)).subarray(0, 300)),
    1,
    'FILE_UNREADABLE',
    /the Zstandard frame that starts at byte 0 is incomplete/,
  ],
  [
    'a zst with garbage at its end',
    shard('b.jsonl.zst', () => Buffer.concat([compress(Buffer.from(good)), Buffer.from('rubbish')])),
    1,
    'FILE_UNREADABLE',
    /at byte \d+ it has the bytes .*, not a Zstandard frame or the end of the file/,
  ],
  [
    'a window over the limit',
    shard('b.jsonl.zst', () => Buffer.from('28b52ffd00a80100000a', 'hex')),
    1,
    'FILE_UNREADABLE',
    /needs a window of 2048 MiB, but the setting corpus\.windowMegabytes allows 1024 MiB/,
  ],
  [
    'an HTML page',
    shard('b.jsonl', () => '<!doctype html><title>Sign in</title>'),
    1,
    'FILE_UNREADABLE',
    /it is an HTML page, not JSON Lines/,
  ],
  [
    'a Git LFS pointer',
    shard('b.parquet', () => 'version https://git-lfs.github.com/spec/v1\noid sha256:1\n'),
    1,
    'FILE_UNREADABLE',
    /it is a Git LFS pointer, not Parquet .*git lfs pull/,
  ],
  [
    'a JSON array',
    shard('b.json', () => JSON.stringify(documents)),
    1,
    'FILE_UNREADABLE',
    /it is one JSON array/,
  ],
  [
    'a Parquet without Parquet data',
    shard('b.parquet', () => 'plain text that is long enough'),
    1,
    'FILE_UNREADABLE',
    /b\.parquet cannot be read/,
  ],
  [
    'a Parquet without the column',
    shard('b.parquet', () => parquetBytes(`SELECT 'x' AS content`)),
    1,
    'COLUMN_MISSING',
    /has no column "text"; it has content/,
  ],
  [
    'a Parquet whose text is a number',
    shard('b.parquet', () => parquetBytes('SELECT 1 AS text')),
    1,
    'COLUMN_TYPE',
    /"text" of .* has type INTEGER/,
  ],
  ['zero documents', shard('a.jsonl', () => ''), 1, 'NO_DOCUMENTS', /1 file, 0 rows quarantined/],
  [
    'no usable document',
    shard('a.jsonl', () => '{"text": 5}\n{"text": ""}\n'),
    1,
    'NO_DOCUMENTS',
    /1 file, 2 rows quarantined/,
  ],
  [
    'a text field with another name',
    shard('a.jsonl', () => '{"id": 1, "meta": {"contents": "x"}, "url": "y"}\n'),
    1,
    'FIELD_MISSING',
    new RegExp(
      String.raw`field "text" \(corpus\.fields\.text\)\. Its rows have "id", "url", "meta\.contents"\. ` +
        String.raw`Name one of these in the settings\.$`,
    ),
  ],
];
