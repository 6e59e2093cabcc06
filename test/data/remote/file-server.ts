// A web server on loopback that serves one file, with responses that a test can change.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, beforeAll, expect, jest } from '@jest/globals';
import { readPieces } from '../../../data/files/files.ts';
import { pace } from '../../../data/remote/retry.ts';
import { askedRange, type Loopback, startLoopback } from './loopback.ts';

beforeAll(() => void jest.replaceProperty(pace, 'firstWaitMs', 2));

export const text = Buffer.from(
  Array.from(
    { length: 500 },
    (_, i) => `{"id":"d${i}","text":"Line ${i} tells of tides, charts and harbors."}\n`,
  ).join(''),
);
export const total = text.length;

export const servers: Loopback[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.close();
});

export interface Behavior {
  file?: Buffer;
  /**
   * The response to a request for the first byte: the whole file, a status, or replaced headers (undefined
   * removes one).
   */
  first?: 'whole' | number | Headers;
  /** The same for HEAD. */
  head?: number | Headers;
  /** Replaced headers of the response to other requests. */
  get?: Headers;
  /** Sends the response to other requests. */
  answer?: (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;
}
export type Headers = Record<string, string | number | undefined>;

/** Starts a server of one file, with the changed responses of a behavior. */
export async function serve({
  file = text,
  first = {},
  head = 405,
  get = {},
  answer,
}: Behavior): Promise<Loopback> {
  const server = await startLoopback((request, response) => {
    const isFirst = request.headers.range === 'bytes=0-0';
    const wanted = request.method === 'HEAD' ? head : isFirst ? first : get;
    const [from, to] = askedRange(request, file.length);
    const body = file.subarray(from, to + 1);
    if (request.method !== 'HEAD' && !isFirst && answer !== undefined) {
      answer(request, response, body);
      return;
    }
    if (wanted === 'whole') return void response.writeHead(200, { 'content-length': file.length }).end(file);
    if (typeof wanted === 'number')
      return void response
        .writeHead(wanted, wanted === 200 && request.method === 'GET' ? {} : { 'content-length': 0 })
        .end(wanted === 200 ? file : undefined);
    if (request.method !== 'HEAD' && from >= file.length && wanted['content-range'] === undefined)
      return void response.writeHead(416, { 'content-range': `bytes */${file.length}` }).end();
    const right = {
      etag: '"v1"',
      'last-modified': new Date(1e12).toUTCString(),
      'content-length': request.method === 'HEAD' ? file.length : body.length,
    };
    response
      .writeHead(
        request.method === 'HEAD' ? 200 : 206,
        known({ ...right, 'content-range': `bytes ${from}-${to}/${file.length}`, ...wanted }),
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

export async function read(url: string, start?: number, end?: number): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of readPieces(url, start, end)) pieces.push(Uint8Array.from(piece));
  return Buffer.concat(pieces);
}

export const refused = (reason: RegExp | string): unknown =>
  expect.objectContaining({
    code: 'REMOTE_FAILED',
    message: typeof reason === 'string' ? expect.stringContaining(reason) : expect.stringMatching(reason),
  });
