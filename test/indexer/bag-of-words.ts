// An OpenAI-compatible embeddings endpoint for tests: each word has a seeded random direction, and a text is
// the sum of its words. Needs no model, gives the same vectors everywhere, and records the texts it received.

import { createHash } from 'node:crypto';
import { createServer, type ServerResponse } from 'node:http';
import { z } from 'zod';

const dimensions = 32;
const requestSchema = z.object({
  input: z.union([z.string(), z.array(z.string())]),
  encoding_format: z.string().optional(),
});

export interface BagOfWords {
  url: string;
  /** All embedded texts, in order. */
  texts: string[];
  /** After this many texts, every request fails. */
  failAfter: number;
  /** Delay of every answer. */
  delayMs: number;
  /** Requests in progress. */
  waiting: number;
  /** Awaited before every answer. */
  hold: Promise<void>;
  close: () => Promise<void>;
}

export async function openBagOfWords(): Promise<BagOfWords> {
  const bag: BagOfWords = {
    url: '',
    texts: [],
    failAfter: Infinity,
    delayMs: 0,
    waiting: 0,
    hold: Promise.resolve(),
    close: () => Promise.resolve(),
  };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const { input, encoding_format: format } = requestSchema.parse(
        JSON.parse(Buffer.concat(chunks).toString()),
      );
      const texts = typeof input === 'string' ? [input] : input;
      if (bag.texts.length + texts.length > bag.failAfter) {
        response.writeHead(400).end('{"error": {"message": "no more"}}');
        return;
      }
      bag.texts.push(...texts);
      bag.waiting++;
      void bag.hold.then(() => answer(texts, format, response));
    });
  });
  const answer = (texts: readonly string[], format: string | undefined, response: ServerResponse): void => {
    const data = texts.map((text, index) => ({
      object: 'embedding',
      index,
      embedding: format === 'base64' ? toBase64(vectorOf(text)) : [...vectorOf(text)],
    }));
    setTimeout(() => {
      bag.waiting--;
      response.writeHead(200, { 'content-type': 'application/json' }).end(
        JSON.stringify({
          object: 'list',
          model: 'bag',
          data,
          usage: { prompt_tokens: 1, total_tokens: 1 },
        }),
      );
    }, bag.delayMs).unref();
  };
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('The test server has no port.');
  bag.url = `http://127.0.0.1:${address.port}/v1`;
  bag.close = () =>
    new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return bag;
}

function vectorOf(text: string): Float32Array {
  const sum = new Float32Array(dimensions);
  for (const word of text.toLowerCase().match(/[a-z]+/g) ?? ['']) {
    const digest = createHash('sha256').update(word).digest();
    for (let d = 0; d < dimensions; d++) sum[d] = (sum[d] ?? 0) + (digest[d] ?? 0) / 127.5 - 1;
  }
  const length = Math.hypot(...sum);
  return sum.map((value) => value / length);
}

function toBase64(vector: Float32Array): string {
  return Buffer.from(vector.buffer, vector.byteOffset, vector.byteLength).toString('base64');
}
