// A web server on loopback that serves ranges of files and misbehaves as each test asks.

import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

export interface WebServer {
  url: string;
  /** What is there, by path. */
  files: Map<string, Buffer>;
  /**
   * Decides on each GET but the one for the first byte, by which the length is asked: undefined serves it
   * well, a number of bytes breaks the connection after these, `status` answers with that.
   */
  misbehave: (
    request: IncomingMessage,
  ) => number | { status: number; headers?: Record<string, string> } | undefined;
  /** Bodies sent, in bytes, and requests got. */
  bytesSent: number;
  requests: number;
  close(): Promise<void>;
}

export async function startWebServer(): Promise<WebServer> {
  const server = createServer((request, response) => answer(web, request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const web: WebServer = {
    url: `http://127.0.0.1:${port}`,
    files: new Map(),
    misbehave: () => undefined,
    bytesSent: 0,
    requests: 0,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return web;
}

function answer(web: WebServer, request: IncomingMessage, response: ServerResponse): void {
  web.requests++;
  const path = (request.url ?? '').replace(/\?.*$/, '');
  if (request.method === 'PUT') {
    store(web, path, request, response);
    return;
  }
  const file = web.files.get(path);
  if (file === undefined) return void response.writeHead(404).end();
  const whole = {
    etag: `"${createHash('md5').update(file).digest('hex')}"`,
    'last-modified': new Date(1e12).toUTCString(),
    'accept-ranges': 'bytes',
  };
  if (request.method === 'HEAD')
    return void response.writeHead(200, { ...whole, 'content-length': file.length }).end();
  const wrong = request.headers.range === 'bytes=0-0' ? undefined : web.misbehave(request);
  if (typeof wrong === 'object') return void response.writeHead(wrong.status, wrong.headers).end();
  if (request.headers['if-match'] !== undefined && request.headers['if-match'] !== whole.etag)
    return void response.writeHead(412).end();
  if (request.headers.range !== undefined && file.length === 0)
    return void response.writeHead(416, { 'content-range': 'bytes */0' }).end();
  const [, from = '0', to = String(file.length - 1)] =
    /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? [];
  const body = file.subarray(Number(from), Number(to) + 1);
  response.writeHead(206, {
    ...whole,
    'content-length': body.length,
    'content-range': `bytes ${from}-${to}/${file.length}`,
  });
  const sent = wrong === undefined ? body : body.subarray(0, wrong);
  web.bytesSent += sent.length;
  response.write(sent, () => (wrong === undefined ? response.end() : response.destroy()));
}

function store(web: WebServer, path: string, request: IncomingMessage, response: ServerResponse): void {
  const pieces: Buffer[] = [];
  request.on('data', (piece: Buffer) => pieces.push(piece));
  request.on('end', () => {
    web.files.set(path, Buffer.concat(pieces));
    response.writeHead(201).end();
  });
}
