// An HTTP server on loopback that a function answers for.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

export interface Loopback {
  url: string;
  /** What was asked, in order. */
  requests: IncomingMessage[];
  close(): Promise<void>;
}

export async function startLoopback(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Loopback> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The first and last byte that a request asks for, of a file of so many. */
export function askedRange(request: IncomingMessage, bytes: number): [first: number, last: number] {
  const [, first = '0', last = String(bytes - 1)] =
    /bytes=(\d+)-(\d+)/.exec(request.headers.range ?? '') ?? [];
  return [Number(first), Math.min(Number(last), bytes - 1)];
}
