import type { IncomingMessage, ServerResponse } from 'node:http';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { readPieces, statFile } from '../../../data/files/files.ts';
import { openStore } from '../../../data/remote/open.ts';
import { withFolder } from '../collect.ts';
import { line, refused, sendXml, serveS3 } from './fake-s3.ts';
import { askedRange } from './loopback.ts';

const s3 = serveS3();

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

  it('is read as it is stored, and refused if its encoding differs from its name', async () => {
    s3.answer = (request, response) => sendObject(request, response, line);
    expect(await read('s3://bucket/web/a.jsonl')).toEqual(line);
    expect(s3.requests.map(({ headers }) => headers['accept-encoding'])).toEqual(['identity', 'identity']);
    const stored = gzipSync(line);
    s3.answer = (request, response) => sendObject(request, response, stored, { 'content-encoding': 'gzip' });
    expect(await read('s3://bucket/web/a.jsonl.gz')).toEqual(stored);
    await expect(read('s3://bucket/web/a.jsonl')).rejects.toEqual(refused(/"Content-Encoding: gzip"/));
    s3.answer = (request, response) =>
      sendObject(
        request,
        response,
        stored,
        request.headers.range === 'bytes=0-0' ? {} : { 'content-encoding': 'br' },
      );
    await expect(read('s3://bucket/web/a.jsonl.gz')).rejects.toEqual(refused(/"Content-Encoding: br"/));
  });

  it.each([-5, 5])('is an error if its length changes between requests (%i bytes)', async (more) => {
    s3.answer = (request, response) =>
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

  it('may be empty if both requests agree', async () => {
    s3.answer = (request, response) =>
      request.method === 'HEAD'
        ? void response.writeHead(200, { 'content-length': 0 }).end()
        : sendXml(response, '<Error><Code>InvalidRange</Code></Error>', 416);
    expect((await statFile('s3://bucket/web/a.jsonl')).bytes).toBe(0);
    s3.answer = (request, response) =>
      request.method === 'HEAD'
        ? void response.writeHead(200, { 'content-length': 5 }).end()
        : sendXml(response, '<Error><Code>InvalidRange</Code></Error>', 416);
    await expect(statFile('s3://bucket/web/a.jsonl')).rejects.toEqual(
      refused(/does not report the file's length \(status 416/),
    );
    // Some stores answer this way.
    s3.answer = (request, response) =>
      void response
        .writeHead(request.method === 'HEAD' ? 200 : 206, {
          'content-length': 0,
          ...(request.method === 'HEAD' ? {} : { 'content-range': 'bytes 0--1/0' }),
        })
        .end();
    expect((await statFile('s3://bucket/web/a.jsonl')).bytes).toBe(0);
  });

  it('is refused without a length', async () => {
    s3.answer = (request, response) =>
      void response
        .writeHead(200, request.method === 'HEAD' ? { 'transfer-encoding': 'chunked' } : {})
        .end(line);
    await expect(read('s3://bucket/web/a.jsonl')).rejects.toEqual(
      refused(/does not report the file's length/),
    );
  });

  it('is uploaded and removed despite temporary errors', async () => {
    const received: [string | undefined, string | undefined, string][] = [];
    s3.answer = (request, response) => {
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
      const opened = await openStore('s3://bucket/');
      await opened.put(join(folder, 'file'), 's3://bucket/out/./a+b c.jsonl');
      await opened.remove('s3://bucket/out/./a+b c.jsonl');
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
