import { describe, expect, it } from '@jest/globals';
import { openEndpoint } from '../../../models/endpoint/embedder.ts';
import { type Answer, openServer, pace, pour, send, sendVectors, texts } from './embedding-endpoint.ts';

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
    [
      'redirects to another host',
      (response) => (response.writeHead(307, { location: 'http://127.0.0.1:9/v1/embeddings' }).end(), true),
      /127\.0\.0\.1:9/,
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
    await close();
    await expect(openEndpoint(settings, pace)).rejects.toMatchObject({
      code: 'ENDPOINT_FAILED',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });
});
