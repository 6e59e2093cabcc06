// The HTTP server behind the stand-ins for embedding servers (embedding-kinds.ts).

import { createHash } from 'node:crypto';
import { createServer } from 'node:http';
import { z } from 'zod';

export interface Asked {
  model: string;
  input: string[];
}

/** A status and a body, JSON unless it is a string; undefined for the vectors of all texts. */
type Answer = [status: number, body: unknown] | undefined;

export interface Kind {
  /** Refuses, or returns nothing. */
  refuse?: (asked: Asked, route: string) => Answer;
  /** The body of a success. */
  answer?: (vectors: readonly (readonly number[])[]) => unknown;
}

export const dimensions = 8;

/**
 * One for each character beyond ASCII, one for four others, and two for the text: about what subword
 * vocabularies give.
 */
export function countTokens(text: string): number {
  const all = Array.from(text);
  const dense = all.filter((character) => character.charCodeAt(0) > 127).length;
  return dense + Math.ceil((all.length - dense) / 4) + 2;
}

/** A different direction for every text. */
export function vectorOf(text: string): number[] {
  const digest = createHash('sha256').update(text).digest();
  return Array.from({ length: dimensions }, (_, i) => (digest.readInt16LE(2 * i) + 0.5) / 32_768);
}

function list(vectors: readonly (readonly number[])[]): unknown {
  return {
    object: 'list',
    model: 'm',
    data: vectors.map((embedding, index) => ({ object: 'embedding', index, embedding })),
    usage: { prompt_tokens: 1, total_tokens: 1 },
  };
}

export function longest(texts: readonly string[]): number {
  return Math.max(...texts.map(countTokens));
}

export interface EmbeddingServer {
  url: string;
  asked: Asked[];
  close: () => Promise<void>;
}

const requestSchema = z.object({
  model: z.string(),
  input: z.array(z.string()),
  encoding_format: z.literal('float'),
});

/** `delayMs` is the delay of a request's answer, to make answers arrive out of order. */
export async function openEmbeddingServer(
  { refuse, answer = list }: Kind,
  delayMs: (number: number) => number = () => 0,
): Promise<EmbeddingServer> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const one = requestSchema.parse(JSON.parse(Buffer.concat(chunks).toString()));
      asked.push(one);
      const [status, body] = refuse?.(one, request.url ?? '') ?? [200, answer(one.input.map(vectorOf))];
      setTimeout(
        () =>
          response
            .writeHead(status, { 'content-type': 'application/json' })
            .end(typeof body === 'string' ? body : JSON.stringify(body)),
        delayMs(asked.length),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`,
    asked,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
