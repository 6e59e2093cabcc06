// Rows of small files in all formats; test/data/golden has more cases.

import { describe, expect, it } from '@jest/globals';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { sqlString, withDuckDb } from '../../../data/duckdb/duckdb.ts';
import { listRowFiles, readRows } from '../../../data/rows/rows.ts';
import { collectQuarantined, type Quarantined, withFolder } from '../collect.ts';
import { compress } from '../compression/zstd.ts';

interface Read {
  rows: [position: number, row: object][];
  bad: Quarantined[];
}

async function read(name: string, content: string | Uint8Array): Promise<Read> {
  return withFolder(async (folder) => {
    const path = join(folder, name);
    await writeFile(path, content);
    return readFrom(path);
  });
}

async function readFrom(path: string): Promise<Read> {
  const quarantine = collectQuarantined();
  const rows: Read['rows'] = [];
  for await (const { position, row } of readRows(path, quarantine)) rows.push([position, row]);
  return { rows, bad: quarantine.rows };
}

async function readParquet(query: string): Promise<Read> {
  return withFolder(async (folder) => {
    const path = join(folder, 'a.parquet');
    await withDuckDb({}, async (connection) => {
      await connection.run(`COPY (${query}) TO ${sqlString(path)} (FORMAT parquet, ROW_GROUP_SIZE 2048)`);
    });
    return readFrom(path);
  });
}

const questions = [
  {
    question: 'Which, "then"?',
    choices: { text: ['rye', 'oats'], label: ['A', 'B'] },
    answer: 1,
    right: true,
    note: null,
  },
  {
    question: 'Größe?\n(in m)',
    choices: { text: [], label: [] },
    answer: 9_007_199_254_740_991,
    right: false,
    note: 'ja',
  },
];
const numbered = questions.map((row, position) => [position, row]);

describe('readRows', () => {
  it('reads the same rows from JSON Lines, an array, an object with an array, and Parquet', async () => {
    const lines = questions.map((row) => JSON.stringify(row)).join('\n');
    expect(await read('a.jsonl', lines)).toEqual({ rows: numbered, bad: [] });
    expect(await read('a.json', lines)).toEqual({ rows: numbered, bad: [] });
    expect(await read('a.json', JSON.stringify(questions))).toEqual({ rows: numbered, bad: [] });
    expect(
      await read('a.json', `\ufeff${JSON.stringify({ version: '1', data: questions }, null, 2)}`),
    ).toEqual({ rows: numbered, bad: [] });
    expect(await read('a.jsonl', JSON.stringify(questions, null, 1))).toEqual({ rows: numbered, bad: [] });
    const query =
      `
      SELECT 'Which, "then"?' AS question, {text: ['rye', 'oats'], label: ['A', 'B']} AS choices, ` +
      `1::BIGINT AS answer, true AS right, NULL::VARCHAR AS note UNION ALL
      SELECT 'Größe?' || chr(10) || '(in m)', {text: []::VARCHAR[], label: []::VARCHAR[]}, ` +
      `9007199254740991, false, 'ja'`;
    expect(await readParquet(query)).toEqual({ rows: numbered, bad: [] });
  });

  it('reads .gz and .zst of each', async () => {
    const array = Buffer.from(JSON.stringify(questions));
    for (const [name, bytes] of [
      ['a.json.gz', gzipSync(array)],
      ['a.json.zst', compress(array)],
      ['a.jsonl.gz', gzipSync(array)],
    ] as const)
      expect(await read(name, bytes)).toEqual({ rows: numbered, bad: [] });
    const table = Buffer.from('q,a\nx,1\n');
    for (const [name, bytes] of [
      ['a.csv', table],
      ['a.csv.gz', gzipSync(table)],
      ['A.CSV.ZST', compress(table)],
    ] as const)
      expect(await read(name, bytes)).toEqual({ rows: [[0, { q: 'x', a: '1' }]], bad: [] });
    await expect(read('a.csv.gz', gzipSync(table).subarray(0, -6))).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
    });
  });

  it('reads the nested values of Parquet as JSON has them', async () => {
    const query =
      `
      SELECT [[1, 2], [3]]::BIGINT[][] AS lists, [{role: 'user', content: 'hi'}, {role: 'assistant', ` +
      `content: NULL}] AS messages, 1.5::DECIMAL(4, 2) AS price, 0.5::FLOAT AS half,
        NULL::INTEGER[] AS none, 'x'::BLOB AS picture, DATE '2024-02-03' AS day, ` +
      `170141183460469231731687303715884105727::HUGEINT AS large, MAP {'A': 'rye'} AS pairs`;
    const [[, row] = []] = (await readParquet(query)).rows;
    expect(row).toEqual({
      lists: [[1, 2], [3]],
      messages: [
        { role: 'user', content: 'hi' },
        { role: 'assistant', content: null },
      ],
      price: 1.5,
      half: 0.5,
      none: null,
      picture: null,
      day: '2024-02-03T00:00:00.000Z',
      large: expect.anything(),
      pairs: [{ key: 'A', value: 'rye' }],
    });
  });

  it('reads every row group in order, and none of an empty file', async () => {
    const { rows } = await readParquet('SELECT i::INTEGER AS i FROM range(5000) t(i)');
    expect(rows.map(([position]) => position)).toEqual(rows.map((_, i) => i));
    expect(rows.length).toBe(5000);
    expect(rows[4321]).toEqual([4321, { i: 4321 }]);
    expect(await readParquet('SELECT 1 AS i WHERE false')).toEqual({ rows: [], bad: [] });
    await expect(read('a.parquet', 'PAR1 and no more PAR1')).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
    });
  });
});

describe('listRowFiles', () => {
  it('lists files of all these kinds, and refuses others', async () => {
    await withFolder(async (folder) => {
      await mkdir(join(folder, 'b'));
      const names = ['b/a.csv', 'b/a.csv.gz', 'b/a.json', 'b/a.parquet', 'b/a.tsv.zst', 'b/b.jsonl'];
      for (const name of names) await writeFile(join(folder, name), '');
      expect((await listRowFiles(['b/*'], folder)).map(({ name }) => name)).toEqual(names);
      await writeFile(join(folder, 'b/a.xlsx'), '');
      await expect(listRowFiles(['b/*'], folder)).rejects.toMatchObject({
        code: 'FILE_KIND_UNKNOWN',
        message: expect.stringContaining('for benchmarks .csv and .tsv'),
      });
    });
  });
});
