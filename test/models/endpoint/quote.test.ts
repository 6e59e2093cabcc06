// Errors quote servers, which may send back secrets and characters that control a terminal.

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { ServerResponse } from 'node:http';
import { openEndpoint } from '../../../models/endpoint/embedder.ts';
import { quoteFrom } from '../../../models/endpoint/quote.ts';
import { openServer } from './embedding-endpoint.ts';
import { openLanguageModelServer } from './language-model-server.ts';
import { openAt } from './open-at.ts';

const key = 'sk-0123456789abcdefghijklmnopqrstuvwxyz';
const beginOfKey = key.slice(0, 6);
const sharp = '\u001b[31m\u009b\u202e\u2066';
const controls = /[\p{Cc}\p{Bidi_Control}]/u;

let environment: { restore: () => void };
beforeEach(() => {
  environment = jest.replaceProperty(process, 'env', {
    ...process.env,
    MY_KEY: key,
    BETR_EMBEDDING_KEY: key,
  });
});
afterEach(() => environment.restore());

const answers: [string, number, string][] = [
  ['text', 200, `Bearer ${key} ${sharp}`],
  ['JSON of another form', 200, JSON.stringify({ authorization: key, query: 'sig=signature' })],
  ['a key at the cut of a text', 200, `${'x'.repeat(190)}${key}`],
  ['a key at the cut of JSON', 200, JSON.stringify({ no: `${'x'.repeat(185)}${key}` })],
  ['a key at the cut of a message', 400, JSON.stringify({ error: `${'x'.repeat(290)}${key}${sharp}` })],
  ['a key at the end of what is read', 400, `${' '.repeat((1 << 16) - 10)}${key}`],
  ['a message', 401, JSON.stringify({ error: { message: `${sharp}${key} /v1?sig=signature` } })],
];

function expectSafe(failure: unknown): void {
  for (let error = failure; error instanceof Error; error = error.cause) {
    expect(error.message).not.toContain(beginOfKey);
    expect(error.message).not.toContain('signature');
    expect(error.message).not.toMatch(controls);
  }
  expect(failure).toMatchObject({ name: 'BetrError' });
}

describe('secrets and control characters', () => {
  it.each(answers)('in %s from a language model server are not shown', async (_what, status, body) => {
    const server = await openLanguageModelServer({}, (response: ServerResponse) => {
      response.writeHead(status).end(body);
      return true;
    });
    try {
      expectSafe(
        await openAt(`${server.url}?sig=signature`, { keyVariable: 'MY_KEY' })
          .then((model) => model.generate('a', { maxTokens: 1 }))
          .catch((error: unknown) => error),
      );
    } finally {
      await server.close();
    }
  });

  it.each(answers)('in %s from an embedding endpoint are not shown', async (_what, status, body) => {
    const { settings, url } = await openServer((response) => {
      response.writeHead(status).end(body);
      return true;
    });
    expectSafe(
      await openEndpoint(
        { ...settings, model: `${url}/v1?sig=signature` },
        { attempts: 2, firstWaitMs: 1, longestWaitMs: 2 },
      ).catch((error: unknown) => error),
    );
  });

  it('in the names of models are not shown', async () => {
    const server = await openLanguageModelServer({
      'GET /v1/models': () => ({ data: [{ id: `a ${key}` }, { id: `b ${sharp}` }] }),
    });
    try {
      const failure = await openAt(server.url, { keyVariable: 'MY_KEY' }).catch((error: unknown) => error);
      expect(failure).toMatchObject({
        message: expect.stringContaining('a ***, b \\u001b[31m\\u009b\\u202e'),
      });
      expectSafe(failure);
    } finally {
      await server.close();
    }
  });
});

describe('an address', () => {
  it.each(['http://[::1', 'http://127.0.0.1:99999', 'http:///v1', 'http://:80/v1', 'http://me:pass@h/v1'])(
    '%s is refused at once',
    async (model) => {
      const { settings } = await openServer();
      const problem = { message: expect.stringMatching(/its address (is not valid|contains a user name)/) };
      const pace = { attempts: 2, firstWaitMs: 600_000, longestWaitMs: 600_000 };
      await expect(openEndpoint({ ...settings, model }, pace)).rejects.toMatchObject(problem);
      await expect(openAt(model)).rejects.toMatchObject({ code: 'LANGUAGE_MODEL_REFUSED', ...problem });
    },
  );
});

it('hides the key as base64, the query and its values, but not short values', () => {
  const quote = quoteFrom('http://h/v1?version=7&sig=a%2Fsignature', key);
  expect(quote(`7 ${Buffer.from(key).toString('base64')} a/signature ?version=7&sig=a%2Fsignature`)).toBe(
    '7 *** *** ?***',
  );
});
