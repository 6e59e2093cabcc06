// `betr judge --write-batch` and `--read-batch`: requests that another program answers.

import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { betr } from '../betr.ts';
import { type Ended, errorOf } from '../project.ts';
import { answerTo, type Request, requestSchema } from './batch-lines.ts';
import { type JudgeProject, openJudgeProject } from './judge-project.ts';
import { topicAnswers, topicCompletion } from './topic-server.ts';

jest.setTimeout(120_000);

let project: JudgeProject;
let folder: string;
beforeAll(async () => {
  project = await openJudgeProject();
  folder = project.folder;
});
afterAll(() => project.close());

async function readRequests(file: string): Promise<Request[]> {
  const text = await readFile(join(folder, file), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => requestSchema.parse(JSON.parse(line)));
}

const writeAnswers = (file: string, answers: readonly object[], end = ''): Promise<void> =>
  writeFile(join(folder, file), answers.map((answer) => `${JSON.stringify(answer)}\n`).join('') + end);

const judge = (...args: string[]): Promise<Ended> => betr(folder, ['judge', ...args, '--json']);

const fault = z.object({ lines: z.number(), first: z.string().nullable() });
const readOf = ({ stdout }: Ended) =>
  z
    .object({
      read: z.object({
        lines: z.number(),
        stored: z.number(),
        known: z.number(),
        missing: z.number(),
        faults: z.record(z.string(), fault),
      }),
    })
    .parse(JSON.parse(stdout)).read;

describe('requests as a file', () => {
  it('counts and names every bad answer, and stores none of them', async () => {
    const unanswered = errorOf((await judge('by-files', '--exam')).stdout);
    expect(unanswered.code).toBe('LANGUAGE_MODEL_CANNOT');
    expect(unanswered.message).toContain('--write-batch');

    const written = await judge('by-files', '--write-batch', 'requests.jsonl');
    expect(JSON.parse(written.stdout)).toMatchObject({
      backEnd: 'batch',
      written: { url: '/v1/completions', model: 'topics', stored: 0 },
    });
    const requests = await readRequests('requests.jsonl');
    // The sample's documents and the exam's damaged copies.
    expect(requests.length).toBeGreaterThan(520);
    expect(new Set(requests.map(({ custom_id: id }) => id)).size).toBe(requests.length);
    const prompts = new Set(requests.map(({ body }) => body.prompt));
    expect(prompts.size).toBe(requests.length);
    for (const { url, body } of requests) {
      expect(url).toBe('/v1/completions');
      expect(body).toEqual({
        model: 'topics',
        max_tokens: 1,
        temperature: 0,
        prompt: expect.stringMatching(/\nIs the text above about space\?\nAnswer:$/),
        logprobs: 20,
      });
    }

    const answers = requests.map(answerTo);
    const [failed, tooLong, silent, cut, duplicate, , , ...rest] = requests;
    const respond = (request: Request | undefined, response: object, error: unknown = null): object => ({
      id: 'vllm-1',
      custom_id: request?.custom_id,
      response,
      error,
    });
    const completion = topicCompletion(duplicate?.body.prompt ?? '');
    const [lastAnswer = {}] = rest.slice(-1).map(answerTo);
    await writeAnswers(
      'answers.jsonl',
      [
        respond(failed, { status_code: 500, body: null }, { message: 'out of memory' }),
        respond(tooLong, { status_code: 400, body: null }, 'maximum context length is 512 tokens'),
        respond(silent, { status_code: 200, body: { choices: [{ text: ' Yes', finish_reason: 'length' }] } }),
        respond(cut, { status_code: 200, body: { ...completion, usage: { prompt_tokens: 3 } } }),
        ...[1, 2].map(() => respond(duplicate, { status_code: 200, body: completion })),
        { ...answers[0], custom_id: `betr-${'0'.repeat(16)}-${'1'.repeat(32)}` },
        { ...answers[0], custom_id: 'request-1' },
        { response: null },
        ...rest.slice(0, -1).map(answerTo),
      ],
      JSON.stringify(lastAnswer).slice(0, -20),
    );
    const ended = await judge('by-files', '--read-batch', 'answers.jsonl');
    expect(ended.code).toBe(1);
    const { faults, ...counts } = readOf(ended);
    // Two have no line; a text that is too long has its reply.
    expect(counts).toEqual({ lines: requests.length + 2, stored: rest.length, known: 0, missing: 7 });
    expect(faults).toEqual({
      failed: { lines: 2, first: 'answers.jsonl#0: HTTP 500: out of memory' },
      'other model': { lines: 0, first: null },
      truncated: { lines: 1, first: expect.stringContaining('it read only 3 tokens of a prompt of') },
      duplicate: {
        lines: 1,
        first: expect.stringContaining(`"${duplicate?.custom_id ?? ''}" has several answers`),
      },
      unrecognized: {
        lines: 2,
        first: expect.stringMatching(/#6: "betr-0{16}-1{32}" answers a request of another judge/),
      },
      unreadable: { lines: 2, first: 'answers.jsonl#8: it has no custom_id' },
    });

    // Only what is missing is written again.
    await judge('by-files', '--write-batch', 'again.jsonl');
    const again = await readRequests('again.jsonl');
    expect(again.map(({ custom_id: id }) => id).sort()).toEqual(
      [failed, silent, cut, duplicate, requests[5], requests[6], rest.at(-1)]
        .map((request) => request?.custom_id ?? '')
        .sort(),
    );
    await writeAnswers('more.jsonl', again.map(answerTo));
    const more = await judge('by-files', '--read-batch', 'more.jsonl');
    expect(more.code).toBe(0);
    expect(readOf(more)).toMatchObject({ lines: 7, stored: 7, known: 0, missing: 0 });
    expect(readOf(await judge('by-files', '--read-batch', 'more.jsonl'))).toMatchObject({
      stored: 0,
      known: 7,
    });
    const { stdout } = await betr(folder, ['judge', 'by-files', '--read-batch', 'answers.jsonl']);
    expect(stdout).toContain(
      'skipped: 2 failed, or without log probabilities; for example answers.jsonl#0: HTTP 500',
    );
    expect(stdout).toContain('Every request has an answer');
  });

  it('scores as the server itself does, without a server', async () => {
    const { stdout } = await judge('space', 'by-files', '--compare');
    const { pairs, judges } = z
      .object({
        judges: z.array(z.object({ unknown: z.record(z.string(), z.number()) })),
        pairs: z.array(z.object({ spearman: z.number(), dropped: z.number(), documents: z.number() })),
      })
      .parse(JSON.parse(stdout));
    expect(judges[1]?.unknown).toEqual({ 'too long': 1 });
    expect(pairs[0]?.documents).toBe(519);
    expect(pairs[0]?.spearman).toBeCloseTo(1, 6);
    expect((await judge('by-files', '--exam')).code).toBe(0);
  });

  it('warns where most answers begin with something else, as those of a model that thinks', async () => {
    await judge('by-thinking-files', '--write-batch', 'thinking.jsonl');
    const [first, second, third] = await readRequests('thinking.jsonl');
    const answer = ({ custom_id: id }: Request, token: string): object => ({
      custom_id: id,
      response: {
        status_code: 200,
        body: {
          choices: [
            {
              message: { role: 'assistant', content: token },
              logprobs: {
                content: [
                  {
                    token,
                    logprob: -0.01,
                    top_logprobs: [
                      { token, logprob: -0.01 },
                      { token: 'Well', logprob: -5 },
                    ],
                  },
                ],
              },
              finish_reason: 'length',
            },
          ],
        },
      },
    });
    if (first === undefined || second === undefined || third === undefined) throw new Error('no requests');
    await writeAnswers('thought.jsonl', [
      answer(first, '<think>'),
      answer(second, '<think>'),
      answer(third, 'Yes'),
    ]);
    const { stdout } = await betr(folder, ['judge', 'by-thinking-files', '--read-batch', 'thought.jsonl']);
    expect(stdout).toContain(
      'in 2 of 3 answers, none of the question\'s answers is a likely first token (one begins with "<think>")',
    );
    expect(stdout).toContain('Turn the thinking of the model off');
    // Most answers are the question's own.
    await writeAnswers(
      'answered.jsonl',
      (await readRequests('thinking.jsonl')).slice(3, 7).map((one) => answer(one, 'No')),
    );
    expect(
      (await betr(folder, ['judge', 'by-thinking-files', '--read-batch', 'answered.jsonl'])).stdout,
    ).not.toContain('likely first token');
  });

  it('asks chat models with messages, and reads their answers', async () => {
    await judge('by-chat-files', '--write-batch', 'chat.jsonl');
    const requests = await readRequests('chat.jsonl');
    const [request] = requests;
    expect(request).toMatchObject({ url: '/v1/chat/completions' });
    expect(request?.body).toEqual({
      model: 'topics',
      max_tokens: 1,
      temperature: 0,
      messages: [{ role: 'user', content: expect.stringContaining('Is the text above about space?') }],
      logprobs: true,
      top_logprobs: 20,
    });
    const chatAnswer = ({ custom_id: id, body }: Request): object => {
      const tokens = Object.entries(topicAnswers(body.messages?.[0]?.content ?? ''))
        .map(([token, logprob]) => ({ token: token.trim(), logprob, bytes: null }))
        .sort((a, b) => b.logprob - a.logprob);
      const message = { role: 'assistant', content: tokens[0]?.token };
      const logprobs = { content: [{ ...tokens[0], top_logprobs: tokens }] };
      return {
        id: 'batch_req_1',
        custom_id: id,
        response: {
          status_code: 200,
          request_id: 'req_1',
          body: {
            object: 'chat.completion',
            choices: [{ index: 0, message, logprobs, finish_reason: 'length' }],
          },
        },
        error: null,
      };
    };
    const [first, ...others] = requests.map(chatAnswer);
    await writeAnswers('chat-answers.jsonl', others);
    await writeAnswers('failed.jsonl', [{ ...first, response: null, error: { message: 'content policy' } }]);
    expect(readOf(await judge('by-chat-files', '--read-batch', 'chat-answers.jsonl'))).toMatchObject({
      stored: requests.length - 1,
      missing: 1,
    });
    expect(readOf(await judge('by-chat-files', '--read-batch', 'failed.jsonl'))).toMatchObject({
      stored: 0,
      missing: 1,
      faults: { failed: { lines: 1 } },
    });
    const given = await judge('by-chat-files', '--read-batch', 'failed.jsonl', '--failures-unknown');
    expect(given.code).toBe(0);
    expect(readOf(given)).toMatchObject({ stored: 1, missing: 0, faults: { failed: { lines: 1 } } });
    const exam = z
      .object({ verdict: z.string(), parts: z.array(z.object({ for: z.object({ unknown: z.unknown() }) })) })
      .parse(JSON.parse((await judge('by-chat-files', '--exam')).stdout));
    expect(exam).toMatchObject({ verdict: 'passed', parts: [{ for: { unknown: { refused: 1 } } }, {}, {}] });
  });

  it('writes requests about the whole corpus', async () => {
    const { stdout } = await betr(folder, ['judge', 'by-files', '--write-batch', 'all.jsonl', '--all']);
    expect(stdout).toMatch(
      /Then run: betr judge by-files --read-batch answers\.jsonl --all\n(?:.*\n)*Note: The model/,
    );
    const requests = await readRequests('all.jsonl');
    // The sample is answered already.
    expect(requests).toHaveLength(600 - 520);
    await writeAnswers('all-answers.jsonl', requests.map(answerTo));
    const read = readOf(await judge('by-files', '--read-batch', 'all-answers.jsonl', '--all'));
    expect(read).toMatchObject({ stored: 80, missing: 0 });
  });

  it('refuses what cannot be asked or read', async () => {
    const codeOf = async (...args: string[]): Promise<string> => errorOf((await judge(...args)).stdout).code;
    expect(await codeOf('by-unnamed', '--write-batch', 'a.jsonl')).toBe('LANGUAGE_MODEL_NAME_MISSING');
    expect(await codeOf('space', '--write-batch', 'a.jsonl')).toBe('LANGUAGE_MODEL_NAME_MISSING');
    expect(await codeOf('by-files', '--read-batch', 'gone.jsonl')).toBe('FILE_NOT_FOUND');
    expect(await codeOf('by-files', '--write-batch', 'a.jsonl', '--read-batch', 'b.jsonl')).toBe('USAGE');
    expect(await codeOf('by-files', 'space', '--write-batch', 'a.jsonl')).toBe('USAGE');
    const models = await betr(folder, ['models', 'files']);
    expect(models).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('betr judge JUDGE --write-batch'),
    });
  });
});
