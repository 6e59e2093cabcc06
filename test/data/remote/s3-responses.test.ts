// A store of the S3 protocol on loopback that lists and answers in ways of its own: every key once, every
// byte, or an error.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { readPieces, statFile } from '../../../data/files/files.ts';
import { pace } from '../../../data/remote/retry.ts';
import { listShards } from '../../../data/shards.ts';
import { withFolder } from '../collect.ts';
import { askedRange, type Loopback, startLoopback } from './loopback.ts';
import { openStore } from '../../../data/remote/open.ts';

const pageKeys = 3;
const keys = ['a', 'b', 'c', 'd', 'e+f', 'g h', 'i', 'ü'].map((name) => `web/${name}.jsonl`);
const line = Buffer.from('{"id":"x","text":"Low water at noon."}\n');

/** One store for all tests, as the client keeps the address of the first. */
let store: Loopback;
let answer: (request: IncomingMessage, response: ServerResponse, parameters: URLSearchParams) => void;
const outer = { ...process.env };

beforeAll(async () => {
  Object.assign(pace, { firstWaitMs: 2 });
  store = await startLoopback((request, response) =>
    answer(request, response, new URL(request.url ?? '', 'http://store').searchParams),
  );
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_S3: store.url,
    AWS_ACCESS_KEY_ID: 'name',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_REGION: 'us-east-1',
    AWS_EC2_METADATA_DISABLED: 'true',
  });
});
afterEach(() => void store.requests.splice(0));
afterAll(async () => {
  for (const name of Object.keys(process.env))
    if (name.startsWith('AWS_')) Reflect.deleteProperty(process.env, name);
  Object.assign(process.env, outer);
  await store.close();
});

const refused = (reason: RegExp): unknown =>
  expect.objectContaining({ code: 'REMOTE_FAILED', message: expect.stringMatching(reason) });
const list = async (): Promise<string[]> =>
  (await listShards(['s3://bucket/web/*.jsonl'], '/')).map(({ name }) => name.replace('s3://bucket/', ''));
const sendXml = (response: ServerResponse, xml: string, status = 200): void =>
  void response.writeHead(status, { 'content-type': 'application/xml' }).end(`<?xml version="1.0"?>${xml}`);

function listing(page: readonly string[], more: string): string {
  return `<ListBucketResult>${more}${page.map((key) => `<Contents><Key>${key}</Key><LastModified>2024-01-01T00:00:00.000Z</LastModified><Size>${line.length}</Size></Contents>`).join('')}</ListBucketResult>`;
}

/** The page after a key, and whether there are more. */
function pageAfter(key: string): { page: string[]; last: string; truncated: boolean } {
  const left = keys.filter((one) => Buffer.compare(Buffer.from(one), Buffer.from(key)) > 0);
  const page = left.slice(0, pageKeys);
  return { page, last: page.at(-1) ?? '', truncated: left.length > page.length };
}

describe('a listing', () => {
  it('goes on by tokens, whatever they look like', async () => {
    answer = (_, response, parameters) => {
      const { page, last, truncated } = pageAfter(
        parameters.get('continuation-token')?.replace(/^=&\+/, '') ?? '',
      );
      sendXml(
        response,
        listing(
          page,
          `<KeyCount>${page.length}</KeyCount><IsTruncated>${truncated}</IsTruncated>${truncated ? `<NextContinuationToken>=&amp;+${last}</NextContinuationToken>` : ''}`,
        ),
      );
    };
    expect(await list()).toEqual(keys);
    expect(store.requests).toHaveLength(3);
  });

  it.each(['', '<NextContinuationToken></NextContinuationToken>'])(
    'goes on by the last key where there is no token (%j)',
    async (token) => {
      answer = (_, response, parameters) => {
        expect(parameters.has('continuation-token')).toBe(false);
        const { page, truncated } = pageAfter(parameters.get('start-after') ?? '');
        sendXml(response, listing(page, `<IsTruncated>${truncated}</IsTruncated>${token}`));
      };
      expect(await list()).toEqual(keys);
    },
  );

  it('ends where it says so, with an empty token or any other', async () => {
    for (const token of ['', 'again']) {
      answer = (_, response) =>
        sendXml(
          response,
          listing(
            keys,
            `<IsTruncated>false</IsTruncated><NextContinuationToken>${token}</NextContinuationToken>`,
          ),
        );
      expect(await list()).toEqual(keys);
    }
    expect(store.requests).toHaveLength(2);
  });

  it('of a store that knows version 1 alone is an error', async () => {
    answer = (_, response, parameters) => {
      const { page, truncated } = pageAfter(parameters.get('marker') ?? '');
      sendXml(response, listing(page, `<Marker></Marker><IsTruncated>${truncated}</IsTruncated>`));
    };
    await expect(list()).rejects.toEqual(
      refused(/same page of objects again \(from "web\/a\.jsonl" on\).*version 1 of ListObjects/),
    );
    expect(store.requests).toHaveLength(2);
  });

  it('that goes back is an error', async () => {
    let page = 0;
    answer = (_, response) =>
      sendXml(
        response,
        listing(page++ === 0 ? keys.slice(0, 4) : keys.slice(2, 6), '<IsTruncated>true</IsTruncated>'),
      );
    await expect(list()).rejects.toEqual(refused(/same page of objects again \(from "web\/c\.jsonl" on\)/));
    expect(store.requests).toHaveLength(2);
  });

  it('that goes round in circles is an error, whatever the tokens', async () => {
    answer = (_, response) =>
      sendXml(
        response,
        listing(
          keys.slice(0, pageKeys),
          `<IsTruncated>true</IsTruncated><NextContinuationToken>${store.requests.length}</NextContinuationToken>`,
        ),
      );
    await expect(list()).rejects.toEqual(refused(/same page of objects again/));
    answer = (_, response) =>
      sendXml(
        response,
        listing([], '<IsTruncated>true</IsTruncated><NextContinuationToken>same</NextContinuationToken>'),
      );
    await expect(list()).rejects.toEqual(refused(/continuing its list of objects from the same place/));
    answer = (_, response) => sendXml(response, listing([], '<IsTruncated>true</IsTruncated>'));
    await expect(list()).rejects.toEqual(refused(/but not from where/));
    answer = (_, response) =>
      sendXml(
        response,
        listing(
          [],
          `<IsTruncated>true</IsTruncated><NextContinuationToken>${store.requests.length}</NextContinuationToken>`,
        ),
      );
    await expect(list()).rejects.toEqual(refused(/continuing its list of objects from the same place/));
  });

  it.each([
    [
      'an error with status 200',
      '<Error><Code>InternalError</Code><Message>Please try again.</Message></Error>\n',
      200,
    ],
    ['an error with status 503', '<Error><Code>SlowDown</Code></Error>', 503],
    ['something else', '<html><body>Welcome</body></html>', 200],
    ['nothing', '', 200],
  ])('is asked for again where the answer is %s', async (_, wrong, status) => {
    answer = (_request, response) => {
      const { page } = pageAfter('web/d');
      if (store.requests.length % 3 > 0) sendXml(response, wrong, status);
      else sendXml(response, listing(page, '<IsTruncated>false</IsTruncated>'));
    };
    expect(await list()).toEqual(pageAfter('web/d').page);
    answer = (_request, response) => sendXml(response, wrong, status);
    await expect(list()).rejects.toEqual(refused(/after 8 attempts/));
  });

  it('asks for the length that it leaves out', async () => {
    answer = (request, response) => {
      if (request.headers.range !== undefined)
        response.writeHead(206, { 'content-length': 1, 'content-range': 'bytes 0-0/7' }).end('x');
      else
        sendXml(
          response,
          '<ListBucketResult><IsTruncated>false</IsTruncated><Contents><Key>web/a.jsonl</Key></Contents></ListBucketResult>',
        );
    };
    expect((await listShards(['s3://bucket/web/*.jsonl'], '/')).map(({ bytes }) => bytes)).toEqual([7]);
  });
});

describe('an object', () => {
  const sendObject = (
    request: IncomingMessage,
    response: ServerResponse,
    file: Buffer,
    headers: Record<string, string> = {},
  ): void => {
    const [first, last] = askedRange(request, file.length);
    response
      .writeHead(206, {
        'content-length': last - first + 1,
        'content-range': `bytes ${first}-${last}/${file.length}`,
        etag: '"v"',
        ...headers,
      })
      .end(file.subarray(first, last + 1));
  };
  const read = async (url: string): Promise<Buffer> => {
    const pieces: Uint8Array[] = [];
    for await (const piece of readPieces(url)) pieces.push(Uint8Array.from(piece));
    return Buffer.concat(pieces);
  };

  it('is read as it is stored, and refused where that is otherwise than its name says', async () => {
    answer = (request, response) => sendObject(request, response, line);
    expect(await read('s3://bucket/web/a.jsonl')).toEqual(line);
    expect(store.requests.map(({ headers }) => headers['accept-encoding'])).toEqual(['identity', 'identity']);
    const stored = gzipSync(line);
    answer = (request, response) => sendObject(request, response, stored, { 'content-encoding': 'gzip' });
    expect(await read('s3://bucket/web/a.jsonl.gz')).toEqual(stored);
    await expect(read('s3://bucket/web/a.jsonl')).rejects.toEqual(refused(/"Content-Encoding: gzip"/));
    answer = (request, response) =>
      sendObject(
        request,
        response,
        stored,
        request.headers.range === 'bytes=0-0' ? {} : { 'content-encoding': 'br' },
      );
    await expect(read('s3://bucket/web/a.jsonl.gz')).rejects.toEqual(refused(/"Content-Encoding: br"/));
  });

  it.each([-5, 5])('whose length is told in two ways is an error (%i bytes)', async (more) => {
    answer = (request, response) =>
      sendObject(
        request,
        response,
        line,
        request.headers.range === 'bytes=0-0' ? { 'content-range': `bytes 0-0/${line.length + more}` } : {},
      );
    await expect(read('s3://bucket/web/a.jsonl')).rejects.toEqual(
      refused(new RegExp(`a length of ${line.length + more} bytes and now reports ${line.length} bytes`)),
    );
  });

  it('may be empty, which takes a store that says so twice', async () => {
    answer = (request, response) =>
      request.method === 'HEAD'
        ? void response.writeHead(200, { 'content-length': 0 }).end()
        : sendXml(response, '<Error><Code>InvalidRange</Code></Error>', 416);
    expect((await statFile('s3://bucket/web/a.jsonl')).bytes).toBe(0);
    answer = (request, response) =>
      request.method === 'HEAD'
        ? void response.writeHead(200, { 'content-length': 5 }).end()
        : sendXml(response, '<Error><Code>InvalidRange</Code></Error>', 416);
    await expect(statFile('s3://bucket/web/a.jsonl')).rejects.toEqual(
      refused(/does not report the file's length \(status 416/),
    );
    // As some stores word it.
    answer = (request, response) =>
      void response
        .writeHead(request.method === 'HEAD' ? 200 : 206, {
          'content-length': 0,
          ...(request.method === 'HEAD' ? {} : { 'content-range': 'bytes 0--1/0' }),
        })
        .end();
    expect((await statFile('s3://bucket/web/a.jsonl')).bytes).toBe(0);
  });

  it('without a length is refused', async () => {
    answer = (request, response) =>
      void response
        .writeHead(200, request.method === 'HEAD' ? { 'transfer-encoding': 'chunked' } : {})
        .end(line);
    await expect(read('s3://bucket/web/a.jsonl')).rejects.toEqual(
      refused(/does not report the file's length/),
    );
  });

  it('is put there and removed, after what passes', async () => {
    const received: [string | undefined, string | undefined, string][] = [];
    answer = (request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece: Buffer) => pieces.push(piece));
      request.on('end', () => {
        received.push([request.method, request.url?.replace(/\?.*/, ''), Buffer.concat(pieces).toString()]);
        if (received.length % 2 > 0) sendXml(response, '<Error><Code>SlowDown</Code></Error>', 503);
        else response.writeHead(request.method === 'PUT' ? 200 : 204, { etag: '"v"' }).end();
      });
    };
    await withFolder(async (folder) => {
      await writeFile(join(folder, 'file'), line);
      const s3 = await openStore('s3://bucket/');
      await s3.put(join(folder, 'file'), 's3://bucket/out/./a+b c.jsonl');
      await s3.remove('s3://bucket/out/./a+b c.jsonl');
    });
    const path = '/bucket/out/./a%2Bb%20c.jsonl';
    expect(received).toEqual([
      ['PUT', path, line.toString()],
      ['PUT', path, line.toString()],
      ['DELETE', path, ''],
      ['DELETE', path, ''],
    ]);
  });
});
