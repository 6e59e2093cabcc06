import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { parseSettings, type Settings } from '../../data/settings.ts';
import { openEndpoint } from '../../indexer/endpoint.ts';
import type { Pace } from '../../indexer/endpoint/request.ts';

const requestSchema = z.object({ model: z.string(), input: z.array(z.string()), encoding_format: z.literal('float') });
type Asked = z.output<typeof requestSchema> & { authorization: string | undefined; atMs: number };

interface Endpoint {
  settings: Settings['embedding'];
  url: string;
  asked: Asked[];
  close: () => Promise<void>;
}

/** Answers a request: `number` counts them from 0. Nothing: the vectors that the texts' lengths make. */
type Answer = (response: ServerResponse, number: number, asked: Asked) => boolean;

const open: Endpoint[] = [];
afterEach(async () => {
  for (const endpoint of open.splice(0)) await endpoint.close();
});

async function openServer(answer: Answer = () => false): Promise<Endpoint> {
  const asked: Asked[] = [];
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const one = { ...requestSchema.parse(JSON.parse(Buffer.concat(chunks).toString())), authorization: request.headers.authorization, atMs: performance.now() };
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
  open.push(endpoint);
  return endpoint;
}

function embedding(model: string, more: Readonly<Record<string, unknown>> = {}): Settings['embedding'] {
  return parseSettings(JSON.stringify({ corpus: { files: ['a'] }, benchmarks: [{ name: 'b', files: ['b'] }], embedding: { model, endpointModel: 'm', maxTokens: 8, timeoutSeconds: 0.3, ...more } }), '').embedding;
}

/** Not of unit length, and another direction for every length of text. */
function vectorOf(text: string): number[] {
  return [3 * Math.cos(text.length / 50), 3 * Math.sin(text.length / 50), 0];
}

function sendVectors(response: ServerResponse, vectors: readonly (readonly number[])[]): void {
  // Servers may answer in any order.
  send(response, 200, { data: vectors.map((vector, index) => ({ object: 'embedding', index, embedding: vector })).reverse() });
}

function send(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): boolean {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(typeof body === 'string' ? body : JSON.stringify(body));
  return true;
}

const pace: Pace = { attempts: 4, firstWaitMs: 20, longestWaitMs: 60 };
const texts = Array.from({ length: 200 }, (_, i) => 'x'.repeat(i % 30));

describe('an endpoint', () => {
  it('gets the texts in batches, several at once, cut to the limit, and gives unit vectors in the order of the texts', async () => {
    const { settings, asked, url } = await openServer();
    const embedder = await openEndpoint(settings, pace);
    expect(embedder).toMatchObject({ name: 'm', dimensions: 3, device: 'endpoint', source: `endpoint ${url}/v1/embeddings` });
    const long = ['y'.repeat(1000), ...texts];
    const vectors = await embedder.embed(long);
    expect(vectors.length).toBe(3 * long.length);
    for (const [i, text] of long.entries()) {
      // maxTokens 8 lets 32 characters through, and an empty text goes as a space.
      const [x = 0, y = 0] = vectorOf('z'.repeat(Math.max(1, Math.min(32, text.length))));
      expect(vectors[3 * i]).toBeCloseTo(x / 3, 6);
      expect(vectors[3 * i + 1]).toBeCloseTo(y / 3, 6);
    }
    const sizes = asked.slice(1).map(({ input }) => input.length);
    expect(Math.max(...sizes)).toBe(64);
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(long.length);
    expect(asked.every(({ model, input }) => model === 'm' && input.every((text) => text.length > 0 && text.length <= 32))).toBe(true);
  });

  it.each([
    ['', '/v1/embeddings'],
    ['/', '/v1/embeddings'],
    ['/v1', '/v1/embeddings'],
    ['/v1/embeddings', '/v1/embeddings'],
    ['/proxy/v2/', '/proxy/v2/embeddings'],
  ])('is found from its base "%s"', async (base, path) => {
    const { url } = await openServer();
    expect((await openEndpoint(embedding(url + base), pace)).source).toBe(`endpoint ${url}${path}`);
  });

  it('is sent the key of the environment, which is in no message', async () => {
    const { settings, asked } = await openServer((response, number) => number > 0 && send(response, 401, { error: 'no' }));
    process.env['BETR_EMBEDDING_KEY'] = 'secret-key';
    try {
      const embedder = await openEndpoint(settings, pace);
      expect(asked[0]?.authorization).toBe('Bearer secret-key');
      const failed = await embedder.embed(['a']).catch((error: unknown) => error);
      expect(failed).toMatchObject({ code: 'ENDPOINT_FAILED', message: expect.stringContaining('HTTP 401') });
      expect(JSON.stringify(failed) + String(failed)).not.toContain('secret-key');
    } finally {
      delete process.env['BETR_EMBEDDING_KEY'];
    }
  });
});

describe('an endpoint that fails for a while', () => {
  it.each<[string, Answer]>([
    ['429', (response) => send(response, 429, 'slow down')],
    ['500', (response) => send(response, 500, 'oops')],
    ['503', (response) => send(response, 503, 'loading')],
    ['a connection that breaks', (response) => (response.destroy(), true)],
    ['no answer in time', () => true],
  ])('is asked again after %s', async (_what, failure) => {
    let failures = 2;
    const { settings, asked } = await openServer((response, number, one) => number > 0 && failures-- > 0 && failure(response, number, one));
    const embedder = await openEndpoint(settings, pace);
    expect((await embedder.embed(['abc'])).length).toBe(3);
    expect(asked.length).toBe(4);
  });

  it('is left longer alone each time, or as long as it says', async () => {
    const { settings, asked } = await openServer((response, number) => {
      if (number === 0 || number > 3) return false;
      return send(response, 429, 'slow down', number === 3 ? { 'retry-after': '0.3' } : {});
    });
    await (await openEndpoint(settings, pace)).embed(['abc']);
    const waits = asked.slice(2).map(({ atMs }, i) => atMs - (asked[i + 1]?.atMs ?? 0));
    // 20 and 40 ms, of which at least half is waited whatever chance says; then what it asked for.
    expect(waits[0]).toBeGreaterThanOrEqual(9);
    expect(waits[1]).toBeGreaterThanOrEqual(19);
    expect(waits[2]).toBeGreaterThanOrEqual(299);
  });
});

describe('an endpoint that does not work', () => {
  const wrong: readonly (readonly [string, Answer, RegExp])[] = [
    ['always answers 500', (response) => send(response, 500, 'broken for good'), /HTTP 500 broken for good, 4 times/],
    ['never answers', () => true, /(timeout|aborted).*, 4 times/i],
    ['refuses the request', (response) => send(response, 400, { error: { message: 'no such model' } }), /HTTP 400 .*no such model/],
    ['answers something else', (response) => send(response, 200, '<html>'), /the answer is not JSON: <html>/],
    ['answers other JSON', (response) => send(response, 200, { data: [{ index: 0, embedding: ['a'] }] }), /not a list of embeddings of finite numbers/],
    ['gives fewer vectors than texts', (response) => (sendVectors(response, [[1, 2, 3]]), true), /1 embeddings, of 1 of 2 texts/],
    ['names a text twice', (response) => send(response, 200, { data: [0, 0].map((index) => ({ index, embedding: [1, 2, 3] })) }), /2 embeddings, of 1 of 2 texts/],
    ['leaves a text out', (response) => send(response, 200, { data: [1, 1].map((index) => ({ index, embedding: [1, 2, 3] })) }), /2 embeddings, of 1 of 2 texts/],
    ['changes its dimension', (response) => (sendVectors(response, [[1, 2, 3], [1, 2]]), true), /a vector of 2 numbers after one of 3/],
    ['gives a vector of zeros', (response) => (sendVectors(response, [[1, 2, 3], [0, 0, 0]]), true), /a vector of length 0/],
    ['gives a vector beyond all numbers', (response) => (sendVectors(response, [[1, 2, 3], [1e300, 0, 0]]), true), /a vector of length 1e\+300/],
  ];

  it.each(wrong)('because it %s says so, and what to do', async (_what, answer, problem) => {
    const { settings, url } = await openServer((response, number, one) => number > 0 && answer(response, number, one));
    const embedder = await openEndpoint(settings, pace);
    await expect(embedder.embed(['a', 'b'])).rejects.toMatchObject({
      code: 'ENDPOINT_FAILED',
      status: 502,
      message: expect.stringMatching(new RegExp(`${url}/v1/embeddings failed: .*${problem.source}.*run the same command again`, problem.flags)),
    });
  });

  it('because nobody listens says so', async () => {
    const { settings, close } = await openServer();
    open.pop();
    await close();
    await expect(openEndpoint(settings, pace)).rejects.toMatchObject({ code: 'ENDPOINT_FAILED', message: expect.stringContaining('ECONNREFUSED') });
  });
});
