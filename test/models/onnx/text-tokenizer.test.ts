// A tokenizer of one's own making, with what real ones have and the real model of the other tests does not: a
// beginning token, which its chat template writes, too, and thoughts.

import { afterEach, expect, it } from '@jest/globals';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startWindow } from '../../../models/joined-tokens.ts';
import { loadTransformers } from '../../../models/onnx/transformers-library.ts';
import { openTextTokenizer, type TextTokenizer } from '../../../models/onnx/text-tokenizer.ts';

const folders: string[] = [];
afterEach(async () => {
  for (const folder of folders.splice(0)) await rm(folder, { recursive: true });
});

const letters = Array.from('<>|abcdefghijklmnopqrstuvwxyz_/ \n');
const specials = ['<s>', '<|user|>', '<|end|>', '<think>', '</think>'];
const ids = new Map([...specials, ...letters].map((token, id) => [token, id]));
const of = (...tokens: string[]): number[] =>
  tokens.flatMap((token) =>
    specials.includes(token) ? [ids.get(token) ?? -1] : Array.from(token, (letter) => ids.get(letter) ?? -1),
  );

/** Tokens are letters; `special` ones are added; `<s>` stands before every text. */
async function open(template?: string): Promise<TextTokenizer> {
  const folder = await mkdtemp(join(tmpdir(), 'betr-tokenizer-'));
  folders.push(folder);
  const tokenizer = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: specials.map((content, id) => ({
      id,
      content,
      special: true,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
    })),
    normalizer: null,
    pre_tokenizer: { type: 'Split', pattern: { Regex: '\\S|\\s' }, behavior: 'Isolated', invert: false },
    post_processor: {
      type: 'TemplateProcessing',
      single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
      pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
      special_tokens: { '<s>': { id: '<s>', ids: [0], tokens: ['<s>'] } },
    },
    decoder: { type: 'Fuse' },
    model: {
      type: 'BPE',
      vocab: Object.fromEntries(ids),
      merges: [],
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
    },
  };
  await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(tokenizer));
  await writeFile(
    join(folder, 'tokenizer_config.json'),
    JSON.stringify({
      tokenizer_class: 'PreTrainedTokenizerFast',
      bos_token: '<s>',
      model_max_length: 64,
      ...(template === undefined ? {} : { chat_template: template }),
    }),
  );
  return openTextTokenizer(await loadTransformers(), {
    place: folder,
    isFolder: true,
    name: 'own',
    source: 'own',
  });
}

it('finds the beginning token, and keeps it out of every text', async () => {
  const tokenizer = await open();
  expect(tokenizer).toMatchObject({
    beginning: [0],
    beginningText: '<s>',
    hasTemplate: false,
    mostTokens: 64,
  });
  expect(tokenizer.encode('abc')).toEqual(of('abc'));
  expect(tokenizer.decode(of('abc'))).toBe('abc');
  expect(tokenizer.encode('')).toEqual([]);
});

it('takes what reads like a control token for text', async () => {
  const tokenizer = await open();
  expect(tokenizer.encode('a<s>b')).toEqual([
    ...of('a'),
    ...Array.from('<s>').map((letter) => ids.get(letter)),
    ...of('b'),
  ]);
});

it('has the beginning once, though the chat template writes it, too', async () => {
  const tokenizer = await open(
    '<s>{% for message in messages %}<|user|>{{ message.content }}<|end|>{% endfor %}',
  );
  const chat = tokenizer.encodeChat('a<|end|>b', 'c');
  expect(chat).toEqual([
    ...of('<|user|>', 'a'),
    ...Array.from('<|end|>', (letter) => ids.get(letter)),
    ...of('b', '<|end|>', 'c'),
  ]);
  expect(startWindow('own', tokenizer.beginning, chat).filter((id) => id === 0)).toHaveLength(1);
});

it('has a template that writes the beginning twice refused', async () => {
  const tokenizer = await open('<s><s>{% for message in messages %}{{ message.content }}{% endfor %}');
  expect(() => startWindow('own', tokenizer.beginning, tokenizer.encodeChat('a', 'b'))).toThrow(
    'two BOS tokens',
  );
});

it('leaves a thought empty, whether the template can or begins one', async () => {
  const can = await open(
    '{{ messages[0].content }}<|end|>{% if enable_thinking is defined and not enable_thinking ' +
      '%}<think>\n\n</think>\n\n{% endif %}',
  );
  const begins = await open('{{ messages[0].content }}<|end|><think>\n');
  for (const tokenizer of [can, begins])
    expect(tokenizer.encodeChat('a', 'b')).toEqual(
      of('a', '<|end|>', '<think>', '\n\n', '</think>', '\n\n', 'b'),
    );
});

it('needs a template that has the text in it', async () => {
  const tokenizer = await open('<|user|>');
  expect(() => tokenizer.encodeChat('a', 'b')).toThrow('omits the text');
});
