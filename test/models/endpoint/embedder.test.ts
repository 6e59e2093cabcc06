import { describe, expect, it } from '@jest/globals';
import { openEndpoint } from '../../../models/endpoint/embedder.ts';
import { embedding, openServer, pace, send, sendVectors, texts, vectorOf } from './embedding-endpoint.ts';

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
