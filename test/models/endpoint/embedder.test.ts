import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import type { Settings } from '../../../run/settings.ts';
import { parseSettings } from '../../../run/read-settings.ts';
import { openEndpoint } from '../../../models/endpoint/embedder.ts';
import type { Pace } from '../../../data/remote/retry.ts';

const requestSchema = z.object({
  model: z.string(),
  input: z.array(z.string()),
  encoding_format: z.literal('float'),
});
type Asked = z.output<typeof requestSchema> & { authorization: string | undefined; atMs: number };

interface Endpoint {
  settings: Settings['embedding'];
  url: string;
  asked: Asked[];
  close: () => Promise<void>;
}

/**
 * Answers a request; `number` counts requests from 0. Undefined: the default vectors, made from the lengths
 * of the texts.
 */
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
  open.push(endpoint);
  return endpoint;
}

function embedding(model: string, more: Readonly<Record<string, unknown>> = {}): Settings['embedding'] {
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
function vectorOf(text: string): number[] {
  return [3 * Math.cos(text.length / 50), 3 * Math.sin(text.length / 50), 0];
}

function sendVectors(response: ServerResponse, vectors: readonly (readonly number[])[]): void {
  // Servers may answer in any order.
  send(response, 200, {
    data: vectors.map((vector, index) => ({ object: 'embedding', index, embedding: vector })).reverse(),
  });
}

function send(
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
function pour(response: ServerResponse): boolean {
  const more = (): void => {
    if (!response.destroyed) response.write(' '.repeat(1 << 20), () => setImmediate(more));
  };
  more();
  return true;
}

const pace: Pace = { attempts: 4, firstWaitMs: 20, longestWaitMs: 60 };
const texts = Array.from({ length: 200 }, (_, i) => 'x'.repeat(i % 30));

describe('an endpoint', () => {
  it(
    'gets the texts truncated to the limit, in batches, several at once, and returns unit ' +
      'vectors in the order of the texts',
    async () => {
      const { settings, asked, url } = await openServer();
      const embedder = await openEndpoint(settings, pace);
      expect(embedder).toMatchObject({
        name: 'm',
        dimensions: 3,
        device: 'endpoint',
        source: `endpoint ${url}/v1/embeddings`,
      });
      const long = ['y'.repeat(1000), ...texts];
      const vectors = await embedder.embed(long);
      expect(vectors.length).toBe(3 * long.length);
      for (const [i, text] of long.entries()) {
        // maxTokens 8 allows 32 characters, and an empty text is sent as a space.
        const [x = 0, y = 0] = vectorOf('z'.repeat(Math.max(1, Math.min(32, text.length))));
        expect(vectors[3 * i]).toBeCloseTo(x / 3, 6);
        expect(vectors[3 * i + 1]).toBeCloseTo(y / 3, 6);
      }
      const sizes = asked.slice(1).map(({ input }) => input.length);
      expect(Math.max(...sizes)).toBe(64);
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(long.length);
      expect(
        asked.every(
          ({ model, input }) => model === 'm' && input.every((text) => text.length > 0 && text.length <= 32),
        ),
      ).toBe(true);
    },
  );

  it.each([
    ['', '/v1/embeddings'],
    ['/', '/v1/embeddings'],
    ['/v1', '/v1/embeddings'],
    ['/v1/embeddings', '/v1/embeddings'],
    ['/proxy/v2/', '/proxy/v2/embeddings'],
    ['/v1/embeddings/', '/v1/embeddings'],
    ['/v1beta/openai/', '/v1beta/openai/embeddings'],
    ['/compatible-mode/v1', '/compatible-mode/v1/embeddings'],
    ['/tei', '/tei/v1/embeddings'],
    ['/api/embed', '/api/embed'],
  ])('is found by the address "%s"', async (base, path) => {
    const { url } = await openServer();
    expect((await openEndpoint(embedding(url + base), pace)).source).toBe(`endpoint ${url}${path}`);
  });

  it('keeps the query of its address, and does not show it', async () => {
    const paths: (string | undefined)[] = [];
    const { url } = await openServer((response) => (paths.push(response.req.url), false));
    expect((await openEndpoint(embedding(`${url}/v1?api-version=7&sig=secret`), pace)).source).toBe(
      `endpoint ${url}/v1/embeddings`,
    );
    expect(paths).toEqual(['/v1/embeddings?api-version=7&sig=secret']);
    const refused = openEndpoint(embedding('http://me:secret@127.0.0.1:1/v1'), pace);
    await expect(refused).rejects.toMatchObject({
      code: 'ENDPOINT_FAILED',
      message: expect.stringMatching(
        /^The embedding endpoint http:\/\/127\.0\.0\.1:1\/v1 failed: .*BETR_EMBEDDING_KEY/,
      ),
    });
    await expect(refused).rejects.not.toMatchObject({ message: expect.stringContaining('secret') });
  });

  it('gets as many texts per request, and concurrent requests, as the settings say', async () => {
    let [now, most] = [0, 0];
    const { url, asked } = await openServer((response, _number, { input }) => {
      most = Math.max(most, ++now);
      setTimeout(() => {
        now--;
        sendVectors(response, input.map(vectorOf));
      }, 20);
      return true;
    });
    await (await openEndpoint(embedding(url, { textsPerRequest: 7, requestsAtOnce: 2 }), pace)).embed(texts);
    expect(most).toBe(2);
    expect(Math.max(...asked.map(({ input }) => input.length))).toBe(7);
    expect(() => embedding(url, { textsPerRequest: 0 })).toThrow(/embedding\.textsPerRequest/);
    expect(() => embedding(url, { requestsAtOnce: 17 })).toThrow(/embedding\.requestsAtOnce/);
    expect(() => embedding(url, { timeoutSeconds: 301 })).toThrow(/embedding\.timeoutSeconds/);
  });

  it.each<[string, (vector: readonly number[], index: number) => unknown]>([
    ['without an index', (vector) => ({ embedding: vector })],
    ['with an index of null', (vector) => ({ index: null, embedding: vector })],
    [
      'in base64',
      (vector, index) => ({
        index,
        embedding: Buffer.from(Float32Array.from(vector).buffer).toString('base64'),
      }),
    ],
  ])('may answer %s', async (_how, item) => {
    const { settings } = await openServer((response, _number, { input }) =>
      send(response, 200, { data: input.map(vectorOf).map(item) }),
    );
    const vectors = await (await openEndpoint(settings, pace)).embed(texts);
    for (const [i, text] of texts.entries()) {
      const [x = 0, y = 0] = vectorOf('z'.repeat(Math.max(1, text.length)));
      expect(vectors[3 * i]).toBeCloseTo(x / 3, 6);
      expect(vectors[3 * i + 1]).toBeCloseTo(y / 3, 6);
    }
  });

  it('gets the key from the environment, which no message contains', async () => {
    const { settings, asked } = await openServer(
      (response, number) =>
        number > 0 && send(response, 401, { error: { message: 'Incorrect API key provided: secret-key.' } }),
    );
    process.env['BETR_EMBEDDING_KEY'] = 'secret-key';
    try {
      const embedder = await openEndpoint(settings, pace);
      expect(asked[0]?.authorization).toBe('Bearer secret-key');
      const failed = await embedder.embed(['a']).catch((error: unknown) => error);
      expect(failed).toMatchObject({
        code: 'ENDPOINT_FAILED',
        message: expect.stringMatching(
          /HTTP 401 Incorrect API key provided: \*\*\*\. \(it refuses the key in BETR_EMBEDDING_KEY/,
        ),
      });
      expect(JSON.stringify(failed) + String(failed)).not.toContain('secret-key');
    } finally {
      delete process.env['BETR_EMBEDDING_KEY'];
    }
  });
});

describe('an endpoint that fails for a while', () => {
  it.each<[string, Answer]>([
    ['429', (response) => send(response, 429, 'slow down')],
    ['408', (response) => send(response, 408, { error: 'timeout' })],
    [
      '424',
      (response) => send(response, 424, { message: 'unhandled CUDA error', code: 424, type: 'Backend' }),
    ],
    ['500', (response) => send(response, 500, 'oops')],
    ['503', (response) => send(response, 503, 'loading')],
    ['a connection that breaks', (response) => (response.destroy(), true)],
    ['no answer in time', () => true],
    ['an answer that never ends', (response) => response.writeHead(200).write('{"data": [') || true],
    [
      'half an answer',
      (response) => (
        response.writeHead(200, { 'content-length': '1000' }).write('{"data": ['),
        setTimeout(() => response.destroy(), 20),
        true
      ),
    ],
  ])('is asked again after %s', async (_what, failure) => {
    let failures = 2;
    const { settings, asked } = await openServer(
      (response, number, one) => number > 0 && failures-- > 0 && failure(response, number, one),
    );
    const embedder = await openEndpoint({ ...settings, timeoutSeconds: 1 }, pace);
    expect((await embedder.embed(['abc'])).length).toBe(3);
    expect(asked.length).toBe(4);
  });

  it('gets longer pauses after each failure, or the pause that it requests', async () => {
    const { settings, asked } = await openServer((response, number) => {
      if (number === 0 || number > 3) return false;
      return send(response, 429, 'slow down', number === 3 ? { 'retry-after': '0.3' } : {});
    });
    await (await openEndpoint(settings, pace)).embed(['abc']);
    const waits = asked.slice(2).map(({ atMs }, i) => atMs - (asked[i + 1]?.atMs ?? 0));
    // 20 and 40 ms, of which at least half passes; then the requested pause.
    expect(waits[0]).toBeGreaterThanOrEqual(9);
    expect(waits[1]).toBeGreaterThanOrEqual(19);
    expect(waits[2]).toBeGreaterThanOrEqual(299);
  });

  it('gets the normal pause after "Retry-After: 0", and waits until a date', async () => {
    const until = Math.ceil((Date.now() + 1000) / 1000) * 1000;
    const { settings, asked } = await openServer((response, number) => {
      if (number === 0 || number > 3) return false;
      return send(response, 429, 'slow down', {
        'retry-after': number === 3 ? new Date(until).toUTCString() : '0',
      });
    });
    await (await openEndpoint(settings, pace)).embed(['abc']);
    const waits = asked.slice(2).map(({ atMs }, i) => atMs - (asked[i + 1]?.atMs ?? 0));
    expect(waits[0]).toBeGreaterThanOrEqual(9);
    expect(waits[1]).toBeGreaterThanOrEqual(19);
    expect(Date.now()).toBeGreaterThanOrEqual(until - 5);
  });
});

describe('an endpoint that does not work', () => {
  const wrong: readonly (readonly [string, Answer, RegExp])[] = [
    [
      'always answers 500',
      (response) => send(response, 500, 'broken for good'),
      /HTTP 500 broken for good, 4 times/,
    ],
    ['never answers', () => true, /no answer within 1 s \(embedding\.timeoutSeconds\), 4 times/],
    [
      'does not know the model',
      (response) => send(response, 404, { error: { message: 'no such model' } }),
      /HTTP 404 no such model\. .*fix this/,
    ],
    [
      'asks for a key',
      (response) => send(response, 401, { error: 'who are you?' }),
      /HTTP 401 who are you\? \(no key was sent: set BETR_EMBEDDING_KEY\)/,
    ],
    [
      'refuses each text',
      (response) => send(response, 400, { detail: 'not today' }),
      /it refused the text "[ab]": HTTP 400 not today/,
    ],
    [
      'answers with a huge error page',
      (response) => send(response, 404, `<html>${'no '.repeat(100_000)}`),
      /HTTP 404 <html>(no )+n?o?\. Completed/,
    ],
    ['answers something else', (response) => send(response, 200, '<html>'), /the answer is not JSON: <html>/],
    ['answers without end', (response) => pour(response), /the answer is larger than 1 MiB per text/],
    [
      'answers other JSON',
      (response) => send(response, 200, { data: [{ index: 0, embedding: ['a'] }] }),
      /not a list of embeddings of finite numbers/,
    ],
    [
      'gives null for numbers',
      (response) =>
        send(response, 200, { data: [0, 1].map((index) => ({ index, embedding: [1, null, 3] })) }),
      /not a list of embeddings of finite numbers/,
    ],
    [
      'gives NaN',
      (response) => send(response, 200, '{"data": [{"index": 0, "embedding": [1, NaN, 3]}]}'),
      /the answer is not JSON/,
    ],
    [
      'gives NaN in base64',
      (response) =>
        send(response, 200, {
          data: [0, 1].map((index) => ({
            index,
            embedding: Buffer.from(Float32Array.of(1, NaN, 3).buffer).toString('base64'),
          })),
        }),
      /not the base64 of finite float32 numbers/,
    ],
    [
      'gives half a number in base64',
      (response) => send(response, 200, { data: [0, 1].map((index) => ({ index, embedding: 'AAAAAAAA' })) }),
      /not the base64 of finite float32 numbers: AAAAAAAA/,
    ],
    [
      'gives text',
      (response) =>
        send(response, 200, { data: [0, 1].map((index) => ({ index, embedding: 'some words!' })) }),
      /not the base64 of finite float32 numbers: some words!/,
    ],
    [
      'gives an empty vector',
      (response) => send(response, 200, { data: [0, 1].map((index) => ({ index, embedding: [] })) }),
      /not a list of embeddings of finite numbers/,
    ],
    [
      'gives fewer vectors than texts',
      (response) => (sendVectors(response, [[1, 2, 3]]), true),
      /1 embeddings for 2 texts/,
    ],
    [
      'gives more vectors than texts',
      (response) => (
        sendVectors(response, [
          [1, 2, 3],
          [1, 2, 3],
          [1, 2, 3],
        ]),
        true
      ),
      /3 embeddings for 2 texts/,
    ],
    [
      'names a text twice',
      (response) => send(response, 200, { data: [0, 0].map((index) => ({ index, embedding: [1, 2, 3] })) }),
      /2 embeddings do not have the indexes 0 to 1, each once/,
    ],
    [
      'counts from 1',
      (response) => send(response, 200, { data: [1, 2].map((index) => ({ index, embedding: [1, 2, 3] })) }),
      /2 embeddings do not have the indexes 0 to 1, each once/,
    ],
    [
      'gives an index to one only',
      (response) =>
        send(response, 200, { data: [{ index: 1, embedding: [1, 2, 3] }, { embedding: [1, 2, 3] }] }),
      /2 embeddings do not have the indexes 0 to 1, each once/,
    ],
    [
      'changes its dimension',
      (response) => (
        sendVectors(response, [
          [1, 2, 3],
          [1, 2],
        ]),
        true
      ),
      /a vector of 2 numbers after one of 3/,
    ],
    [
      'gives a vector of zeros',
      (response) => (
        sendVectors(response, [
          [1, 2, 3],
          [0, 0, 0],
        ]),
        true
      ),
      /a vector of length 0, which has no direction, for the text "[ab]"/,
    ],
    [
      'gives a vector beyond all numbers',
      (response) => (
        sendVectors(response, [
          [1, 2, 3],
          [1e300, 0, 0],
        ]),
        true
      ),
      /a vector of length 1e\+300/,
    ],
  ];

  it.each(wrong)('because it %s reports the reason and the fix', async (_what, answer, problem) => {
    const { settings, url } = await openServer(
      (response, number, one) => number > 0 && answer(response, number, one),
    );
    const embedder = await openEndpoint({ ...settings, timeoutSeconds: 1 }, pace);
    await expect(embedder.embed(['a', 'b'])).rejects.toMatchObject({
      code: 'ENDPOINT_FAILED',
      status: 502,
      message: expect.stringMatching(
        new RegExp(
          `${url}/v1/embeddings failed: .*${problem.source}.*run the same command again`,
          problem.flags,
        ),
      ),
    });
  });

  it('gets no further requests', async () => {
    const { settings, asked } = await openServer(
      (response, number) => number === 4 && send(response, 403, 'no'),
    );
    const embedder = await openEndpoint({ ...settings, textsPerRequest: 1, requestsAtOnce: 2 }, pace);
    await expect(embedder.embed(texts)).rejects.toMatchObject({
      message: expect.stringContaining('HTTP 403 no'),
    });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(asked.length).toBeLessThan(8);
  });

  it('reports that nothing is listening', async () => {
    const { settings, close } = await openServer();
    open.pop();
    await close();
    await expect(openEndpoint(settings, pace)).rejects.toMatchObject({
      code: 'ENDPOINT_FAILED',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });
});
