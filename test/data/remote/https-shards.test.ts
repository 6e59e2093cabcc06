import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { withDuckDb } from '../../../data/duckdb/duckdb.ts';
import { statFile } from '../../../data/files/files.ts';
import { copyRows } from '../../../data/parquet/copy-rows.ts';
import { readFooter } from '../../../data/parquet/footer.ts';
import { findTextPages } from '../../../data/parquet/pages.ts';
import { pace } from '../../../data/remote/retry.ts';
import { listShards, pathOf } from '../../../data/shards.ts';
import { readAll, withFolder } from '../collect.ts';
import { pageOf, writeParquet } from '../parquet/write.ts';
import { startWebServer, type WebServer } from './web-server.ts';

let web: WebServer;

beforeAll(() => void jest.replaceProperty(pace, 'firstWaitMs', 2));

beforeEach(async () => {
  web = await startWebServer();
});

afterEach(() => web.close());

const noise = (bytes: number): Buffer =>
  Buffer.from(Uint8Array.from({ length: bytes }, (_, i) => (i * 2654435761) >>> 13));

describe('shards on a web server', () => {
  const lines = ['{"id":"x","text":"one"}', '{"id":"y","text":"two"}', 'half a li'].join('\n');

  it('have unique names that find them again, even for patterns with braces and a query', async () => {
    for (const name of ['00', '01']) web.files.set(`/${name}.jsonl`, Buffer.from(lines));
    const patterns = [`${web.url}/{00..01}.jsonl?key=1`];
    for (const { name, path } of await listShards(patterns, '/'))
      expect(pathOf(name, '/', patterns)).toBe(path);
    expect(pathOf(`${web.url}/01.jsonl`, '/', patterns)).toBe(`${web.url}/01.jsonl?key=1`);
    await expect(
      listShards([`${web.url}/00.jsonl?part=1`, `${web.url}/00.jsonl?part=2`], '/'),
    ).rejects.toMatchObject({ code: 'OPTION_INVALID', message: expect.stringContaining('/00.jsonl') });
  });

  it('are listed by counting patterns, named without their query, and read like files here', async () => {
    for (const name of ['00', '01']) web.files.set(`/${name}.jsonl.gz`, gzipSync(lines));
    const shards = await listShards([`${web.url}/{00..01}.jsonl.gz?key=1`], '/');
    expect(shards.map(({ name, bytes, modifiedMs }) => [name, bytes, modifiedMs])).toEqual([
      [`${web.url}/00.jsonl.gz`, gzipSync(lines).length, 1e12],
      [`${web.url}/01.jsonl.gz`, gzipSync(lines).length, 1e12],
    ]);
    const { documents, quarantined } = await readAll(shards[0]?.path.replace('?key=1', '') ?? '');
    expect(documents.map(({ document, text }) => [document, text])).toEqual([
      ['x', 'one'],
      ['y', 'two'],
    ]);
    expect(quarantined.map(({ position }) => position)).toEqual([2]);
    await expect(listShards([`${web.url}/{00..02}.jsonl.gz`], '/')).rejects.toMatchObject({
      code: 'REMOTE_NOT_FOUND',
      message: expect.stringContaining('Check the address'),
    });
    await expect(listShards([`${web.url}/*.jsonl.gz`], '/')).rejects.toMatchObject({
      code: 'REMOTE_NOT_FOUND',
      message: expect.stringContaining('does not list its files'),
    });
    expect(await statFile(`${web.url}/00.jsonl.gz`)).toEqual({
      bytes: gzipSync(lines).length,
      modifiedMs: 1e12,
    });
  });

  it('in Parquet are fetched by the columns that are read', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'a.parquet');
      await withDuckDb({}, (connection) =>
        connection.run(
          `COPY (SELECT i::VARCHAR AS id, 'text ' || i AS text, {'name': 'web', 'other': ` +
            'repeat(md5(i::VARCHAR), 20)} AS meta, repeat(md5((i + 7)::VARCHAR), 40) AS ballast FROM ' +
            `range(5000) AS t(i)) TO '${path}' (FORMAT parquet, ROW_GROUP_SIZE 2048, COMPRESSION uncompressed)`,
        ),
      );
      const file = await readFile(path);
      web.files.set('/a.parquet', file);
      const fields = { id: 'id', text: 'text', source: 'meta.name', tokens: 'tokens' };
      const there = await readAll(`${web.url}/a.parquet`, { fields });
      expect(there).toEqual(await readAll(path, { fields }));
      expect(there.documents).toHaveLength(5000);
      expect(web.bytesSent).toBeGreaterThan(0);
      // The ballast is two thirds of the file.
      expect(web.bytesSent).toBeLessThan(0.5 * file.length);
    });
  });

  it('in Parquet are fetched by the row groups of a chunk', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'a.parquet');
      const noisy =
        `COPY (SELECT i::VARCHAR AS id, string_agg(md5((i * 100 + j)::VARCHAR), ' ') AS ` +
        `text FROM range(8192) AS t(i), range(8) AS u(j) GROUP BY i ORDER BY i) TO '${path}' (FORMAT ` +
        'parquet, ROW_GROUP_SIZE 2048)';
      await withDuckDb({}, (connection) => connection.run(noisy));
      const file = await readFile(path);
      web.files.set('/a.parquet', file);
      const chunk = { firstRow: 2048, endRow: 4096 };
      const there = await readAll(`${web.url}/a.parquet`, { chunk });
      expect(there.documents.map(({ row }) => row)).toEqual(Array.from({ length: 2048 }, (_, i) => 2048 + i));
      expect(there).toEqual(await readAll(path, { chunk }));
      // A quarter of the file, and the look at its end, which is an eighth.
      expect(web.bytesSent).toBeLessThan(0.5 * file.length);
    });
  });

  it('in Parquet of large pages are fetched by their chunks, too', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'a.parquet');
      const large =
        `COPY (SELECT i::VARCHAR AS id, i || repeat(' words', 1500) AS text FROM ` +
        `range(6144) AS t(i)) TO '${path}' (FORMAT parquet, ROW_GROUP_SIZE 2048)`;
      await withDuckDb({}, (connection) => connection.run(large));
      const footer = await readFooter(path);
      expect(footer.leaves.flatMap((leaf) => findTextPages(footer, leaf))).toHaveLength(3);
      const file = await readFile(path);
      web.files.set('/a.parquet', file);
      const chunk = { firstRow: 2048, endRow: 4096 };
      const there = await readAll(`${web.url}/a.parquet`, { chunk });
      expect(there.documents.map(({ row, text }) => `${row} ${text}`)).toEqual(
        Array.from({ length: 2048 }, (_, i) => `${2048 + i} ${2048 + i}${' words'.repeat(1500)}`),
      );
      expect(await readAll(`${web.url}/a.parquet`)).toEqual(await readAll(path));
    });
  });

  it('in Parquet have their names as they are, their bad texts alone, and their checksums', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'a.parquet');
      const texts = (name: string): (string | Buffer)[] =>
        Array.from({ length: 30 }, (_, i) => (i === 7 ? Buffer.from([0xff]) : `${name} ${i}`));
      await writeParquet(
        path,
        30,
        ['Text', 'text', 'file_row_number'].map((name) => ({ path: [name], pages: [pageOf(texts(name))] })),
      );
      web.files.set('/a.parquet', await readFile(path));
      const there = await readAll(`${web.url}/a.parquet`);
      expect(there.quarantined).toEqual([{ position: 7, reason: 'not valid UTF-8' }]);
      expect(there.documents[8]).toMatchObject({ row: 9, text: 'text 9' });
      const copy = join(folder, 'b.parquet');
      const footer = await readFooter(path);
      await copyRows(path, footer, [1, 2, 3], copy);
      const bytes = await readFile(copy);
      const chunk = (await readFooter(copy)).groups[0]?.chunks[1];
      bytes[(chunk?.end ?? 0) - 1] = (bytes[(chunk?.end ?? 0) - 1] ?? 0) ^ 1;
      web.files.set('/a.parquet', bytes);
      await expect(readAll(`${web.url}/a.parquet`)).rejects.toMatchObject({
        code: 'FILE_UNREADABLE',
        message: expect.stringContaining('does not match its checksum'),
      });
    });
  });

  it('in Parquet are refused where they are something else', async () => {
    web.files.set('/a.parquet', noise(5000));
    await expect(readAll(`${web.url}/a.parquet`)).rejects.toMatchObject({
      code: 'FILE_UNREADABLE',
      message: expect.stringContaining(`${web.url}/a.parquet`),
    });
    web.files.set('/a.parquet', Buffer.alloc(3));
    await expect(readAll(`${web.url}/a.parquet`)).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
  });
});
