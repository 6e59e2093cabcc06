// An embedding endpoint for the tests, closed after each of them.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { afterEach } from '@jest/globals';
import { z } from 'zod';
import { parseSettings } from '../../../run/read-settings.ts';
import type { Settings } from '../../../run/settings.ts';
import type { Pace } from '../../../data/remote/retry.ts';

const requestSchema = z.object({
  model: z.string(),
  input: z.array(z.string()),
  encoding_format: z.literal('float'),
});
export type Asked = z.output<typeof requestSchema> & { authorization: string | undefined; atMs: number };

export interface Endpoint {
  settings: Settings['embedding'];
  url: string;
  asked: Asked[];
  close: () => Promise<void>;
}

/**
 * Answers a request; `number` counts requests from 0. Undefined: the default vectors, made from the lengths
 * of the texts.
 */
export type Answer = (response: ServerResponse, number: number, asked: Asked) => boolean;

const open = new Set<Endpoint>();
afterEach(async () => {
  for (const endpoint of open) await endpoint.close();
  open.clear();
});

export async function openServer(answer: Answer = () => false): Promise<Endpoint> {
  const asked: Asked[] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const one = {
        ...requestSchema.parse(JSON.parse(Buffer.concat(chunks).toString())),
        authorization: request.headers.authorization,
        atMs: performance.now(),
      };
      asked.push(one);
      if (answer(response, asked.length - 1, one)) return;
      sendVectors(response, one.input.map(vectorOf));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const url = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  const endpoint: Endpoint = {
    url,
    settings: embedding(url),
    asked,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  open.add(endpoint);
  return endpoint;
}

export function embedding(
  model: string,
  more: Readonly<Record<string, unknown>> = {},
): Settings['embedding'] {
  return parseSettings(
    JSON.stringify({
      corpus: { files: ['a'] },
      benchmarks: [{ name: 'b', files: ['b'] }],
      embedding: { model, endpointModel: 'm', maxTokens: 8, timeoutSeconds: 10, ...more },
    }),
    '',
  ).embedding;
}

/** Not of unit length, and in a different direction for every length of text. */
export function vectorOf(text: string): number[] {
  return [3 * Math.cos(text.length / 50), 3 * Math.sin(text.length / 50), 0];
}

export function sendVectors(response: ServerResponse, vectors: readonly (readonly number[])[]): void {
  // Servers may answer in any order.
  send(response, 200, {
    data: vectors.map((vector, index) => ({ object: 'embedding', index, embedding: vector })).reverse(),
  });
}

export function send(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): boolean {
  response
    .writeHead(status, { 'content-type': 'application/json', ...headers })
    .end(typeof body === 'string' ? body : JSON.stringify(body));
  return true;
}

/** Answers as fast as the client reads, until it stops reading. */
export function pour(response: ServerResponse): boolean {
  const more = (): void => {
    if (!response.destroyed) response.write(' '.repeat(1 << 20), () => setImmediate(more));
  };
  more();
  return true;
}

export const pace: Pace = { attempts: 4, firstWaitMs: 20, longestWaitMs: 60 };
export const texts = Array.from({ length: 200 }, (_, i) => 'x'.repeat(i % 30));
