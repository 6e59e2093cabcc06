// Encodings, Parquet files, and redirects of web servers: all the bytes, or an error that says what was wrong.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { withDuckDb } from '../../../data/duckdb/duckdb.ts';
import { listShards } from '../../../data/shards.ts';
import { readAll, withFolder } from '../collect.ts';
import { askedRange, startLoopback } from './loopback.ts';
import { read, refused, serve, text, total, servers } from './file-server.ts';

describe('an encoding', () => {
  const gzipped = gzipSync(text);

  it('is asked not to be, by every request', async () => {
    // As raw.githubusercontent.com does: compressed for clients that accept it, with that length, and without
    // ranges.
    const server = await startLoopback((request, response) => {
      const compress = /gzip|\*/.test(request.headers['accept-encoding'] ?? '*');
      const body = compress ? gzipped : text;
      const [first, last] = compress ? [0, body.length - 1] : askedRange(request, body.length);
      response.writeHead(request.headers.range === undefined || compress ? 200 : 206, {
        'content-length': last + 1 - first,
        ...(compress
          ? { 'content-encoding': 'gzip' }
          : { 'content-range': `bytes ${first}-${last}/${total}` }),
      });
      response.end(request.method === 'HEAD' ? undefined : body.subarray(first, last + 1));
    });
    servers.push(server);
    const [shard] = await listShards([`${server.url}/a.jsonl`], '/');
    expect(shard?.bytes).toBe(total);
    expect((await readAll(`${server.url}/a.jsonl`)).documents).toHaveLength(500);
    expect(new Set(server.requests.map(({ headers }) => headers['accept-encoding']))).toEqual(
      new Set(['identity']),
    );
  });

  it.each([
    ['gzip', '/a.jsonl', gzipped],
    ['br', '/a.jsonl', brotliCompressSync(text)],
    ['zstd', '/a.jsonl', text],
    ['deflate', '/a.jsonl', text],
    ['br', '/a.jsonl.gz', gzipped],
    ['zstd', '/a.jsonl.gz', gzipped],
    ['gzip, gzip', '/a.jsonl.gz', gzipSync(gzipped)],
    ['gzip', '/a.parquet', gzipped],
    ['gzip', '/a.jsonl?name=b.gz', gzipped],
  ])('%s of %s is refused by its name, with what to do', async (encoding, path, file) => {
    const { url } = await serve({
      file,
      first: { 'content-encoding': encoding },
      get: { 'content-encoding': encoding },
    });
    await expect(listShards([`${url}${path}`], '/')).rejects.toEqual(
      refused(new RegExp(`"Content-Encoding: ${encoding}".*\\.jsonl\\.gz`)),
    );
    // Also where it comes up later.
    const quiet = await serve({ file, get: { 'content-encoding': encoding } });
    await expect(readAll(`${quiet.url}${path}`)).rejects.toEqual(refused(`"Content-Encoding: ${encoding}"`));
  });

  it('that the server makes up as it sends is refused', async () => {
    const server = await startLoopback(
      (_, response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipped),
    );
    servers.push(server);
    await expect(read(`${server.url}/a.jsonl`)).rejects.toEqual(refused('"Content-Encoding: gzip"'));
  });

  it.each(['gzip', 'x-gzip', 'GZIP', 'identity', 'aws-chunked', 'UTF-8', 'aws-chunked, gzip', undefined])(
    '%s of a file in .gz: it is decompressed once',
    async (encoding) => {
      const { url } = await serve({
        file: gzipped,
        first: { 'content-encoding': encoding },
        get: { 'content-encoding': encoding },
      });
      expect((await listShards([`${url}/a.jsonl.gz`], '/'))[0]?.bytes).toBe(gzipped.length);
      expect((await readAll(`${url}/a.jsonl.gz?key=1`)).documents).toHaveLength(500);
    },
  );
});

describe('a Parquet file', () => {
  it('is read of any server that tells its length somehow, and of none that contradicts itself', async () => {
    await withFolder(async (folder) => {
      const path = join(folder, 'a.parquet');
      await withDuckDb({}, (connection) =>
        connection.run(
          `COPY (SELECT 'k' || i AS id, md5(i::VARCHAR) AS text FROM range(3000) AS t(i)) TO '${path}' ` +
            '(FORMAT parquet)',
        ),
      );
      const file = await readFile(path);
      const { documents } = await readAll(path);
      for (const first of [{}, { 'content-range': 'bytes 0-0/*' }]) {
        const { url } = await serve({ file, first, head: {} });
        expect((await readAll(`${url}/a.parquet`)).documents).toEqual(documents);
      }
      const longer = await serve({ file, first: { 'content-range': `bytes 0-0/${file.length + 8}` } });
      await expect(readAll(`${longer.url}/a.parquet`)).rejects.toEqual(refused(/bytes and now reports/));
      const shorter = await serve({ file, first: { 'content-range': `bytes 0-0/${file.length - 8}` } });
      await expect(readAll(`${shorter.url}/a.parquet`)).rejects.toEqual(refused(/bytes and now reports/));
    });
  });
});

describe('a redirect', () => {
  it('is followed with the same request, up to a limit', async () => {
    const { url, requests } = await serve({});
    const door = await startLoopback(
      (request, response) =>
        void response
          .writeHead(302, {
            location: request.url === '/loop.jsonl' ? '/loop.jsonl' : `${url}/a.jsonl?signature=secret`,
          })
          .end('Found'),
    );
    servers.push(door);
    expect((await read(`${door.url}/a.jsonl`, 5, 50)).equals(text.subarray(5, 50))).toBe(true);
    expect(requests.at(-1)?.headers).toMatchObject({ range: 'bytes=5-49', 'accept-encoding': 'identity' });
    await expect(read(`${door.url}/loop.jsonl`)).rejects.toEqual(
      refused(/after 1 attempt: its redirects form a loop/),
    );
  });
});
