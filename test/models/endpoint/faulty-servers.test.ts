// Servers whose answers are not what was asked for, or that refuse for other reasons than the text.

import { afterEach, describe, expect, it } from '@jest/globals';
import { readRefusal } from '../../../models/endpoint/refusal.ts';
import { type Asked, openLanguageModelServer, Refused, type Routes } from './language-model-server.ts';
import { completion } from './language-model-answers.ts';
import { servers } from './language-model-servers.ts';
import { ask, openAt } from './open-at.ts';

const running: { close: () => Promise<void> }[] = [];
afterEach(async () => {
  for (const server of running.splice(0)) await server.close();
});

/** A server with the route /completions that answers right until `fault` is set. */
async function start(
  more: Routes = {},
): Promise<{ url: string; asked: { route: string }[]; fault: (change?: (asked: Asked) => unknown) => void }> {
  let change: ((asked: Asked) => unknown) | undefined;
  const server = await openLanguageModelServer({
    ...servers.completions,
    ...more,
    'POST /v1/completions': (asked) => {
      if (asked.echo === true) throw new Refused(400, 'no echo');
      return (change ?? completion)(asked);
    },
  });
  running.push(server);
  return { ...server, fault: (next) => (change = next) };
}

const prompt = 'Is it so? Answer:';

describe('an answer that is not the one asked for', () => {
  const right = { text: ' yes', finish_reason: 'length' };
  const position = { tokens: [' yes'], token_logprobs: [-0.5], top_logprobs: [{ ' yes': -0.5, ' no': -2 }] };
  const twice = {
    tokens: [' yes', ' no'],
    token_logprobs: [-0.5, -0.1],
    top_logprobs: [{ ' yes': -0.5, ' no': -2 }, { ' no': -0.1 }],
  };
  it.each([
    ['two tokens', { choices: [{ ...right, logprobs: twice }] }, 'LANGUAGE_MODEL_ANSWER', /of 2 tokens/],
    [
      'two choices',
      {
        choices: [
          { ...right, index: 1, logprobs: position },
          { ...right, index: 0, logprobs: position },
        ],
      },
      'LANGUAGE_MODEL_ANSWER',
      /unexpected format/,
    ],
    [
      'another choice',
      { choices: [{ ...right, index: 1, logprobs: position }] },
      'LANGUAGE_MODEL_ANSWER',
      /unexpected format/,
    ],
    [
      'an error beside the choice',
      { error: { message: 'overloaded' }, choices: [{ ...right, logprobs: position }] },
      'LANGUAGE_MODEL_ANSWER',
      /overloaded/,
    ],
    [
      'what a content filter left',
      { choices: [{ ...right, finish_reason: 'content_filter', logprobs: position }] },
      'LANGUAGE_MODEL_REFUSED',
      /content filter/,
    ],
  ])('is not used: %s', async (_what, answer, code, message) => {
    const server = await start();
    const model = await openAt(server.url, { route: 'completions' });
    server.fault(() => answer);
    const asking = model.logProbabilities([{ prompt, continuations: [' yes'] }], 'start');
    await expect(asking).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  it('is not used: two tokens of a chat', async () => {
    let tokens = 1;
    const model = await openAt(
      (
        await start({
          'POST /v1/chat/completions': () => {
            const top = [
              { token: 'yes', logprob: -0.5 },
              { token: 'no', logprob: -2 },
            ];
            const content = Array.from({ length: tokens }, () => ({ ...top[0], top_logprobs: top }));
            return {
              choices: [{ message: { content: 'yes' }, finish_reason: 'length', logprobs: { content } }],
            };
          },
        })
      ).url,
      { route: 'chat', chat: true },
    );
    expect((await ask(model, prompt, ['yes']))[0]?.logProbability).toBe(-0.5);
    tokens = 2;
    await expect(ask(model, prompt, ['yes'])).rejects.toMatchObject({
      code: 'LANGUAGE_MODEL_ANSWER',
      message: expect.stringContaining('of 2 tokens'),
    });
  });

  it('is refused at the first request, too', async () => {
    const server = await start();
    server.fault((asked) =>
      asked.logprobs === undefined ? completion(asked) : { choices: [{ ...right, logprobs: twice }] },
    );
    await expect(openAt(server.url, { route: 'completions' })).rejects.toMatchObject({
      code: 'LANGUAGE_MODEL_ANSWER',
      message: expect.stringContaining('of 2 tokens'),
    });
  });

  it('is one whose choices come twice', async () => {
    const choices = JSON.stringify([{ ...right, logprobs: position }]);
    let isTwice = false;
    const server = await openLanguageModelServer(servers.completions, (response, route) => {
      if (isTwice) response.writeHead(200).end(`{"choices":${choices},"choices":${choices}}`);
      return isTwice && route.startsWith('POST');
    });
    running.push(server);
    const model = await openAt(server.url, { route: 'completions' });
    isTwice = true;
    await expect(ask(model, prompt, [' yes'])).rejects.toMatchObject({
      code: 'LANGUAGE_MODEL_ANSWER',
      message: expect.stringContaining('"choices" more than once'),
    });
  });
});

/** A server that answers every POST with a redirect. */
async function openRedirect(status: number, location: string): Promise<string> {
  const server = await openLanguageModelServer({}, (response, route) => {
    if (route.startsWith('GET')) return false;
    response.writeHead(status, { location }).end();
    return true;
  });
  running.push(server);
  return server.url;
}

describe('a refusal', () => {
  it.each([
    [400, 'This content is not allowed', 'LANGUAGE_MODEL_REFUSED'],
    [422, 'Unprocessable text', 'LANGUAGE_MODEL_REFUSED'],
    [400, "This model's maximum context length is 64 tokens", 'LANGUAGE_MODEL_QUESTION'],
    [400, 'CUDA out of memory', 'LANGUAGE_MODEL_FAILED'],
    [400, 'You exceeded your monthly limit of tokens', 'LANGUAGE_MODEL_FAILED'],
    [402, 'out of credit', 'LANGUAGE_MODEL_FAILED'],
    [404, 'gone', 'LANGUAGE_MODEL_FAILED'],
    [405, 'no', 'LANGUAGE_MODEL_FAILED'],
    [413, 'too big', 'LANGUAGE_MODEL_FAILED'],
    [401, 'who?', 'LANGUAGE_MODEL_KEY'],
    [500, 'KV cache is full: 4096 tokens waiting in queue', 'LANGUAGE_MODEL_UNREACHABLE'],
    [503, 'the prompt is too long to wait for', 'LANGUAGE_MODEL_UNREACHABLE'],
    [429, 'rate limit of 1000 tokens', 'LANGUAGE_MODEL_UNREACHABLE'],
  ])('with %i "%s" is %s', async (status, message, code) => {
    const server = await start();
    const model = await openAt(server.url, { route: 'completions' });
    server.fault(() => {
      throw new Refused(status, message);
    });
    await expect(ask(model, prompt, [' yes'])).rejects.toMatchObject({ code });
  });

  it('for its length is no fact about a prompt that is far below the context', async () => {
    const server = await start({ 'GET /v1/models': () => ({ data: [{ id: 'm', max_model_len: 4096 }] }) });
    const model = await openAt(server.url, { route: 'completions' });
    server.fault(() => {
      throw new Refused(400, 'the prompt is too long');
    });
    await expect(ask(model, prompt, [' yes'])).rejects.toMatchObject({ code: 'LANGUAGE_MODEL_FAILED' });
    await expect(ask(model, 'é'.repeat(3000), [' yes'])).rejects.toMatchObject({
      code: 'LANGUAGE_MODEL_QUESTION',
    });
  });

  it('is about the length only where its words are', () => {
    expect(readRefusal(400, 'rate limit of 1000 tokens')?.kind).not.toBe('length');
    expect(readRefusal(400, 'tokens must be integers')?.kind).toBe('content');
    expect(readRefusal(500, 'input (600 tokens) is too large to process')?.kind).toBe('length');
    expect(readRefusal(503, 'maximum context length is 512 tokens')).toBeUndefined();
    expect(
      readRefusal(400, 'the request exceeds the available context size. try increasing the context size'),
    ).toMatchObject({ kind: 'length' });
  });
});

describe('a redirect', () => {
  it.each([307, 308])('with %i to another origin gets no text, and its host is named', async (status) => {
    const target = await start();
    const from = await openRedirect(status, `${target.url}/v1/completions`);
    await expect(openAt(from, { route: 'completions' })).rejects.toMatchObject({
      code: 'LANGUAGE_MODEL_FAILED',
      message: expect.stringContaining(new URL(target.url).host),
    });
    expect(target.asked).toEqual([]);
  });

  it('at the same origin is followed', async () => {
    const server = await openLanguageModelServer(
      { ...servers.completions, 'POST /v1/moved': completion },
      (response, route) => {
        if (route !== 'POST /v1/completions') return false;
        response.writeHead(307, { location: '/v1/moved' }).end();
        return true;
      },
    );
    running.push(server);
    const model = await openAt(server.url, { route: 'completions' });
    expect(await ask(model, prompt, [' yes'])).toHaveLength(1);
    expect(server.asked.some(({ route }) => route === 'POST /v1/moved')).toBe(true);
  });
});
