import { describe, expect, it } from '@jest/globals';
import { awaitedOf, readAnswer } from '../../../indexer/judges/batch-answers.ts';
import { readQuestions } from '../../../indexer/judges/questions.ts';
import { settingsSchema } from '../../../run/settings.ts';
import { plainQuestion } from './judge-run.ts';

const { judges } = settingsSchema.parse({
  corpus: { files: ['a'] },
  models: [{ name: 'm', model: 'dummy' }],
  judges: [{ name: 'judge', model: 'm', questions: [plainQuestion] }],
});
const [question] = judges.flatMap((judge) => readQuestions(judge, false));
if (question === undefined) throw new Error('no question');
const awaited = awaitedOf(question, 'A text. Answer:', { model: 'owner/Model-8B', isChat: false });

const position = { tokens: [' yes'], token_logprobs: [-0.5], top_logprobs: [{ ' yes': -0.5, ' no': -2 }] };
const body = { choices: [{ index: 0, text: ' yes', logprobs: position }] };
const read = (more: object, rest: object = {}): unknown =>
  readAnswer({ response: { status_code: 200, body: { ...body, ...more } }, ...rest }, awaited);

describe('a line of an answer file', () => {
  it('needs no error, and may name the model without its owner or with a date', () => {
    for (const model of [undefined, 'owner/Model-8B', 'model-8b', 'Model-8B-2024-08-06'])
      expect(read({ model })).toMatchObject({ reply: { sums: [-0.5, -2] }, first: ' yes' });
  });

  it('of another model, of several tokens or of another choice has no reply', () => {
    expect(read({ model: 'owner/Model-70B' })).toEqual({
      problem: 'other model',
      reason: 'it is from the model "owner/Model-70B", not "owner/Model-8B"',
    });
    const twice = {
      tokens: [' yes', ' no'],
      token_logprobs: [-0.5, -1],
      top_logprobs: [...position.top_logprobs, { ' no': -1 }],
    };
    const more = [
      { choices: [{ text: '', logprobs: twice }] },
      { choices: [{ index: 1, logprobs: position }] },
      { choices: [...body.choices, ...body.choices] },
      { error: { message: 'overloaded' } },
    ];
    for (const one of more) expect(read(one)).toMatchObject({ problem: 'failed' });
  });

  it('is too long only where the server says so, with a status', () => {
    const error = (status: number | undefined, message: string): unknown =>
      readAnswer({ response: { status_code: status, body: null }, error: { message } }, awaited);
    expect(error(400, 'maximum context length is 512 tokens')).toMatchObject({
      reply: { reason: 'too long' },
    });
    for (const [status, message] of [
      [undefined, 'the batch expired after its limit of tokens'],
      [undefined, 'maximum context length is 512 tokens'],
      [400, 'monthly limit of tokens'],
      [500, 'KV cache is full: 4096 tokens waiting in queue'],
    ] as const)
      expect(error(status, message)).toMatchObject({ problem: 'failed' });
  });
});
