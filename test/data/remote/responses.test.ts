// What each kind of answer of a web server leads to: all the bytes, or an error that says what was wrong.
// Never fewer bytes without an error.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { withDuckDb } from '../../../data/duckdb/duckdb.ts';
import { readPieces, statFile } from '../../../data/files/files.ts';
import { pace } from '../../../data/remote/retry.ts';
import { listShards } from '../../../data/shards.ts';
import { until } from '../../until.ts';
import { readAll, withFolder } from '../collect.ts';
import { askedRange, type Loopback, startLoopback } from './loopback.ts';

const text = Buffer.from(
  Array.from(
    { length: 500 },
    (_, i) => `{"id":"d${i}","text":"Line ${i} tells of tides, charts and harbors."}\n`,
  ).join(''),
);
const total = text.length;

beforeAll(() => void Object.assign(pace, { firstWaitMs: 2 }));

const servers: Loopback[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

interface Behavior {
  file?: Buffer;
  /**
   * The answer to a request for the first byte: the whole file, a status, or headers in place of the right
   * ones (undefined leaves one out).
   */
  first?: 'whole' | number | Headers;
  /** The same to HEAD. */
  head?: number | Headers;
  /** The same to a request for more. */
  get?: Headers;
  /** Takes over the answer to a request for more. */
  answer?: (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;
}
type Headers = Record<string, string | number | undefined>;

/** A server of one file that behaves well but for what it is told. */
async function serve({ file = text, first = {}, head = 405, get = {}, answer }: Behavior): Promise<Loopback> {
  const server = await startLoopback((request, response) => {
    const isFirst = request.headers.range === 'bytes=0-0';
    const told = request.method === 'HEAD' ? head : isFirst ? first : get;
    const [from, to] = askedRange(request, file.length);
    const body = file.subarray(from, to + 1);
    if (request.method !== 'HEAD' && !isFirst && answer !== undefined) {
      answer(request, response, body);
      return;
    }
    if (told === 'whole') return void response.writeHead(200, { 'content-length': file.length }).end(file);
    if (typeof told === 'number')
      return void response
        .writeHead(told, told === 200 && request.method === 'GET' ? {} : { 'content-length': 0 })
        .end(told === 200 ? file : undefined);
    if (request.method !== 'HEAD' && from >= file.length && told['content-range'] === undefined)
      return void response.writeHead(416, { 'content-range': `bytes */${file.length}` }).end();
    const right = {
      etag: '"v1"',
      'last-modified': new Date(1e12).toUTCString(),
      'content-length': request.method === 'HEAD' ? file.length : body.length,
    };
    response
      .writeHead(
        request.method === 'HEAD' ? 200 : 206,
        known({ ...right, 'content-range': `bytes ${from}-${to}/${file.length}`, ...told }),
      )
      .end(body);
  });
  servers.push(server);
  return server;
}

function known(headers: Headers): Record<string, string | number> {
  const kept: Record<string, string | number> = {};
  for (const [name, value] of Object.entries(headers)) if (value !== undefined) kept[name] = value;
  return kept;
}

async function read(url: string, start?: number, end?: number): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of readPieces(url, start, end)) pieces.push(Uint8Array.from(piece));
  return Buffer.concat(pieces);
}

const refused = (reason: RegExp | string): unknown =>
  expect.objectContaining({
    code: 'REMOTE_FAILED',
    message: typeof reason === 'string' ? expect.stringContaining(reason) : expect.stringMatching(reason),
  });

describe('the time of change of a file', () => {
  it('is another number for another version where the server names versions alone', async () => {
    const stateOf = async (etag: string | undefined): Promise<number> =>
      (await statFile(`${(await serve({ first: { etag, 'last-modified': undefined } })).url}/a.jsonl`))
        .modifiedMs;
    const [one, same, other] = [await stateOf('"one"'), await stateOf('"one"'), await stateOf('"two"')];
    expect(same).toBe(one);
    expect(other).not.toBe(one);
    expect(await stateOf(undefined)).toBe(0);
  });
});

describe('the length of a file', () => {
  it.each<[string, Behavior]>([
    ['the answer to a request for its first byte, whatever HEAD says', { head: { 'content-length': 99 } }],
    ['that answer, where it is the whole file', { first: 'whole' }],
    ['HEAD, where that answer leaves it out', { first: 200, head: {} }],
    [
      'HEAD, where that answer says that it is unknown',
      { first: { 'content-range': 'bytes 0-0/*' }, head: {} },
    ],
  ])('is told by %s', async (_, behavior) => {
    const { url } = await serve(behavior);
    expect((await statFile(`${url}/a.jsonl`)).bytes).toBe(total);
    expect((await read(`${url}/a.jsonl`)).equals(text)).toBe(true);
  });

  it('is told by a server without ranges, which is not made to send the file twice', async () => {
    const bytes = 50 << 20;
    let isOver = false;
    const server = await startLoopback((_, response) => {
      response.writeHead(200, { 'content-length': bytes }).write(Buffer.alloc(1 << 20));
      response.on('close', () => (isOver = true));
    });
    servers.push(server);
    expect((await statFile(`${server.url}/a.jsonl`)).bytes).toBe(bytes);
    await until(() => isOver);
  });

  it('may be 0, which takes a server that says so twice', async () => {
    const { url, requests } = await serve({ file: Buffer.alloc(0), head: {} });
    expect(await read(`${url}/a.jsonl`)).toHaveLength(0);
    expect(requests.map(({ method }) => method)).toEqual(['GET', 'HEAD']);
    const oddly = await serve({
      file: Buffer.alloc(0),
      first: { 'content-range': 'bytes 0--1/0' },
      head: {},
    });
    expect(await read(`${oddly.url}/a.jsonl`)).toHaveLength(0);
    const doubtful = await serve({ first: 416, head: {} });
    await expect(read(`${doubtful.url}/a.jsonl`)).rejects.toEqual(
      refused(/does not report the file's length \(status 416/),
    );
    const bodiless = await serve({ first: 200, head: { 'content-length': 0 } });
    await expect(read(`${bodiless.url}/a.jsonl`)).rejects.toEqual(
      refused(/does not report the file's length \(status 200/),
    );
  });

  it.each([400, 401, 403, 405, 501])('has to be told (HEAD: status %i)', async (head) => {
    const { url } = await serve({ first: 200, head });
    await expect(read(`${url}/a.jsonl`)).rejects.toEqual(
      refused(
        /after 1 attempt: the server does not report the file's length \(status 200 without Content-Length\)/,
      ),
    );
  });

  it.each([total - 100, total + 100])('has to be the same all the time (%i)', async (wrong) => {
    const reason = refused(new RegExp(`a length of ${wrong} bytes and now reports ${total} bytes`));
    const first = { 'content-range': `bytes 0-0/${wrong}` };
    const { url } = await serve({ first });
    await expect(read(`${url}/a.jsonl`)).rejects.toEqual(reason);
    const byHead = await serve({ first: 200, head: { 'content-length': wrong } });
    await expect(read(`${byHead.url}/a.jsonl`)).rejects.toEqual(reason);
    const whole = await serve({
      first,
      answer: (_, response) => void response.writeHead(200, { 'content-length': total }).end(text),
    });
    await expect(read(`${whole.url}/a.jsonl`)).rejects.toEqual(reason);
  });
});

describe('a range', () => {
  it.each<[string, Record<string, string | number | undefined>, RegExp]>([
    [
      'of another place',
      { 'content-range': `bytes 0-${total - 11}/${total}` },
      /sent bytes 0-\d+ instead of bytes 10-/,
    ],
    [
      'of more than was asked for',
      { 'content-range': `bytes 10-${total}/${total}` },
      /sent bytes 10-\d+ instead of bytes 10-/,
    ],
    [
      'that goes backwards',
      { 'content-range': `bytes 10-5/${total}` },
      /sent bytes 10-5 instead of bytes 10-/,
    ],
    [
      'of another length than its body',
      { 'content-range': `bytes 10-20/${total}` },
      /sent \d+ bytes as bytes 10-20/,
    ],
    [
      'of a file of unknown length',
      { 'content-range': `bytes 10-${total - 1}/*` },
      /does not say which part/,
    ],
    ['that is not named', { 'content-range': undefined }, /does not say which part.*Content-Range: none/],
    ['in another unit', { 'content-range': `lines 10-${total - 1}/${total}` }, /does not say which part/],
  ])('%s is refused', async (_, get, reason) => {
    const { url } = await serve({ get });
    await expect(read(`${url}/a.jsonl`, 10)).rejects.toEqual(refused(reason));
  });

  it('may be shorter than was asked for: the rest is asked for next, at once', async () => {
    const { url, requests } = await serve({
      answer: (request, response, body) => {
        const [first] = askedRange(request, total);
        const part = body.subarray(0, 4000);
        response
          .writeHead(206, {
            'content-length': part.length,
            'content-range': `bytes ${first}-${first + part.length - 1}/${total}`,
          })
          .end(part);
      },
    });
    const startMs = performance.now();
    Object.assign(pace, { firstWaitMs: 5000 });
    expect((await read(`${url}/a.jsonl`)).equals(text)).toBe(true);
    Object.assign(pace, { firstWaitMs: 2 });
    expect(performance.now() - startMs).toBeLessThan(2000);
    expect(requests).toHaveLength(1 + Math.ceil(total / 4000));
  });

  it('is not asked for by a date in place of an ETag', async () => {
    const { url, requests } = await serve({
      answer: (request, response, body) => {
        const [first, last] = askedRange(request, total);
        response.writeHead(206, {
          'content-length': body.length,
          'content-range': `bytes ${first}-${last}/${total}`,
          'last-modified': new Date(1e12).toUTCString(),
        });
        response.write(body.subarray(0, 6000), () =>
          first === 0 ? response.destroy() : response.end(body.subarray(6000)),
        );
      },
    });
    expect((await read(`${url}/a.jsonl`)).equals(text)).toBe(true);
    expect(requests.map(({ headers }) => headers['if-match'])).toEqual([undefined, undefined, undefined]);
  });
});

describe('a body in place of a range', () => {
  const whole = (write: (response: ServerResponse) => void): Behavior => ({
    answer: (_, response) => {
      response.writeHead(200);
      write(response);
    },
  });

  it('is read from the beginning, whole or as far as it is wanted', async () => {
    const { url } = await serve(whole((response) => response.end(text)));
    expect((await read(`${url}/a.jsonl`)).equals(text)).toBe(true);
    expect((await read(`${url}/a.jsonl`, 0, 100)).equals(text.subarray(0, 100))).toBe(true);
  });

  it('is not read from anywhere else', async () => {
    const { url } = await serve(whole((response) => response.end(text)));
    await expect(read(`${url}/a.jsonl`, 10, 20)).rejects.toEqual(
      refused(/does not support range requests \(status 200 for bytes 10-19\)/),
    );
  });

  it('has to be as long as was promised', async () => {
    const longer = await serve(
      whole((response) => {
        response.write(text);
        response.end('{"id":"more","text":"One line more."}\n');
      }),
    );
    await expect(read(`${longer.url}/a.jsonl`)).rejects.toEqual(
      refused(new RegExp(`more than the ${total} bytes it announced`)),
    );
    const shorter = await serve(whole((response) => response.end(text.subarray(0, 1000))));
    await expect(read(`${shorter.url}/a.jsonl`)).rejects.toEqual(
      refused(/does not support range requests \(status 200 for bytes 1000-/),
    );
    const never = await serve(whole((response) => response.end()));
    await expect(read(`${never.url}/a.jsonl`)).rejects.toEqual(
      refused(new RegExp(`after 8 attempts: the connection ended ${total} bytes early`)),
    );
  });
});

describe('an encoding', () => {
  const gzipped = gzipSync(text);

  it('is asked not to be, by every request', async () => {
    // As raw.githubusercontent.com does: compressed for whoever takes it, with that length, and without
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
  it('is followed with what was asked, and not for ever', async () => {
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
