// A pair is read back the same from every shape that it is written in.

import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Message } from '../../pairs/pair.ts';
import { readRow } from '../../pairs/reading/read-row.ts';
import { pairsSchema } from '../../run/pair-settings.ts';
import { rounds } from '../long.ts';

/** Any text with something to read in it. */
const text = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 30 })
  .filter((one) => one.trim() === one && one !== '' && !/^[[{]/.test(one));
const user = text.map((content): Message => ({ role: 'user', content }));
const assistant = text.map((content): Message => ({ role: 'assistant', content }));

const conversation = fc.record({
  system: fc.option(text.map((content): Message => ({ role: 'system', content }))),
  before: fc.array(fc.tuple(user, assistant), { maxLength: 2 }),
  asked: user,
});
const pairs = fc
  .record({ conversation, chosen: assistant, rejected: assistant })
  .filter(({ chosen, rejected }) => chosen.content !== rejected.content)
  .map(({ conversation: { system, before, asked }, chosen, rejected }) => ({
    prompt: [...(system === null ? [] : [system]), ...before.flat(), asked],
    chosen,
    rejected,
  }));
type Written = (pair: { prompt: Message[]; chosen: Message; rejected: Message }) => Record<string, unknown>;

const shareGpt = ({ role, content }: Message): object => ({
  from: role === 'assistant' ? 'gpt' : role === 'user' ? 'human' : role,
  value: content,
});
const transcript = (turns: readonly Message[]): string =>
  turns
    .map(
      ({ role, content }) =>
        `\n\n${role === 'assistant' ? 'Assistant' : role === 'user' ? 'Human' : 'System'}: ${content ?? ''}`,
    )
    .join('');
const scored = (chosen: unknown, rejected: unknown): object => ({
  completions: [
    { response: rejected, score: 1 },
    { response: chosen, score: 2 },
  ],
});

const shapes: Record<string, Written> = {
  'explicit prompt': ({ prompt, chosen, rejected }) => ({ prompt, chosen: [chosen], rejected: [rejected] }),
  'answers as text': ({ prompt, chosen, rejected }) => ({
    prompt,
    chosen: chosen.content,
    rejected: rejected.content,
  }),
  'prompt in the answers': ({ prompt, chosen, rejected }) => ({
    prompt: prompt.at(-1)?.content,
    chosen: [...prompt, chosen],
    rejected: [...prompt, rejected],
  }),
  'implicit prompt': ({ prompt, chosen, rejected }) => ({
    chosen: [...prompt, chosen],
    rejected: [...prompt, rejected],
  }),
  'system prompt apart': ({ prompt: [first, ...others], chosen, rejected }) =>
    first?.role === 'system'
      ? { system: first.content, prompt: others, chosen: [chosen], rejected: [rejected] }
      : { prompt: [first, ...others], chosen: [chosen], rejected: [rejected] },
  ShareGPT: ({ prompt, chosen, rejected }) => ({
    conversations: prompt.map(shareGpt),
    chosen: shareGpt(chosen),
    rejected: shareGpt(rejected),
  }),
  'JSON in strings': ({ prompt, chosen, rejected }) => ({
    prompt: JSON.stringify(prompt),
    chosen: JSON.stringify([...prompt, chosen]),
    rejected: JSON.stringify([...prompt, rejected]),
  }),
  OpenAI: ({ prompt, chosen, rejected }) => ({
    input: { messages: prompt },
    preferred_output: [chosen],
    non_preferred_output: [rejected],
  }),
  'scored answers': ({ prompt, chosen, rejected }) => ({
    prompt,
    ...scored(chosen.content, rejected.content),
  }),
  'two answers': ({ prompt, chosen, rejected }) => ({
    context: prompt,
    response1: rejected.content,
    response2: chosen.content,
    overall_preference: 1,
  }),
};

const settings = pairsSchema.parse({ name: 'one', files: ['a.jsonl'] });

it.each(Object.entries(shapes))('%s', (_name, write) => {
  fc.assert(
    fc.property(pairs, (pair) => {
      const read = readRow(write(pair), settings);
      if ('reason' in read) throw new Error(read.reason);
      expect(
        read.pairs.map(({ prompt, chosen, rejected }): unknown[] =>
          [prompt, chosen, rejected].map((side): unknown => JSON.parse(side)),
        ),
      ).toEqual([[pair.prompt, [pair.chosen], [pair.rejected]]]);
    }),
    { numRuns: rounds(1000) },
  );
});

it('transcripts', () => {
  // Their turns have no system prompt before them, and no empty lines with names in them.
  const plain = pairs.filter(({ prompt }) => prompt[0]?.role !== 'system');
  fc.assert(
    fc.property(plain, ({ prompt, chosen, rejected }) => {
      const read = readRow(
        { chosen: transcript([...prompt, chosen]), rejected: transcript([...prompt, rejected]) },
        settings,
      );
      if ('reason' in read) throw new Error(read.reason);
      expect(
        read.pairs.map((one): unknown[] =>
          [one.prompt, one.chosen, one.rejected].map((side): unknown => JSON.parse(side)),
        ),
      ).toEqual([[prompt, [chosen], [rejected]]]);
    }),
    { numRuns: rounds(1000) },
  );
});

it('plain text', () => {
  fc.assert(
    fc.property(fc.tuple(text, text, text), ([prompt, chosen, rejected]) => {
      fc.pre(chosen !== rejected);
      const long = `A prompt of some length: ${prompt}`;
      for (const row of [
        { prompt: long, chosen, rejected },
        { prompt: long, chosen: long + chosen, rejected: long + rejected },
        { prompt: long, ...scored(chosen, rejected) },
      ]) {
        const read = readRow(row, settings);
        if ('reason' in read) throw new Error(read.reason);
        expect(read.pairs).toMatchObject([{ form: 'text', prompt: long, chosen, rejected }]);
      }
    }),
    { numRuns: rounds(1000) },
  );
});
