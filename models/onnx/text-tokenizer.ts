// The tokenizer of a language model. Control tokens in a text are tokenized as plain characters; only the chat
// template writes real ones.

import { join } from 'node:path';
import { z } from 'zod';
import { withEmptyThought, withoutBeginning } from '../joined-tokens.ts';
import { ifThere } from '../../run/errors/errors.ts';
import { readRegular } from '../../run/regular-file.ts';
import { readHubFile } from './hub.ts';
import type { Transformers } from './transformers-library.ts';
import type { FoundModel } from './model.ts';

export interface TextTokenizer {
  /** Tokens before every text. */
  beginning: readonly number[];
  beginningText: string;
  /** Tokens of a text, without the beginning tokens. */
  encode: (text: string) => readonly number[];
  decode: (ids: readonly number[]) => string;
  /** Whether the model has a chat template. */
  hasTemplate: boolean;
  /** Tokens of a user message and the beginning of its reply, without the beginning tokens. */
  encodeChat(text: string, reply: string): readonly number[];
  /** The limit in the tokenizer's configuration. */
  mostTokens: number;
}

const addedToken = z.looseObject({
  id: z.number(),
  content: z.string().min(1),
  special: z.boolean().default(false),
});
type AddedToken = z.output<typeof addedToken>;
const tokenizerSchema = z.looseObject({ added_tokens: z.array(addedToken).default([]) });
const idsSchema = z.array(z.number().int().nonnegative());
/** A variable for the templates of reasoning models; others ignore it. */
const withoutThinking = { enable_thinking: false };
/** Marks the text while a template is rendered. */
const placeholder = '\uE000text\uE000';

/** Opens the tokenizer of a model. Throws if its files are missing or unusable. */
export async function openTextTokenizer(library: Transformers, found: FoundModel): Promise<TextTokenizer> {
  const { place, isFolder } = found;
  const read = (file: string): Promise<string | undefined> =>
    isFolder ? ifThere(readRegular(join(place, file), 'utf8')) : readHubFile(place, file);
  const control = await library.AutoTokenizer.from_pretrained(place, { local_files_only: isFolder });
  const json = tokenizerSchema.parse(JSON.parse((await read('tokenizer.json')) ?? '{}'));
  const specials = json.added_tokens.filter(({ special }) => special);
  const plain = new library.PreTrainedTokenizer(
    { ...json, added_tokens: json.added_tokens.filter(({ special }) => !special) },
    control.config,
  );
  const encode = (text: string): number[] =>
    text === '' ? [] : idsSchema.parse(plain.encode(text.toWellFormed(), { add_special_tokens: false }));
  const decode = (ids: readonly number[]): string =>
    ids.length === 0
      ? ''
      : control.decode([...ids], { skip_special_tokens: true, clean_up_tokenization_spaces: false });
  const beginning = findBeginning(idsSchema.parse(control.encode('a')), encode('a'));
  const template =
    z.string().nullish().catch(null).parse(control.chat_template) ?? (await read('chat_template.jinja'));
  /** What the template writes before and after a text. */
  const render = (): readonly [string, string] => {
    const rendered: unknown = control.apply_chat_template([{ role: 'user', content: placeholder }], {
      ...(template === undefined ? {} : { chat_template: template }),
      add_generation_prompt: true,
      tokenize: false,
      ...withoutThinking,
    });
    const [before = '', after] = withEmptyThought(z.string().parse(rendered)).split(placeholder);
    if (after === undefined) throw new Error('its chat template omits the text');
    return [before, after];
  };
  let frame: readonly [string, string] | undefined;
  /** A message up to its last control token, and the text after that, which the reply continues. */
  interface Message {
    text: string;
    ids: number[];
    rest: string;
  }
  const openMessage = (text: string): Message => {
    const [before, after] = (frame ??= render());
    // Joins text pieces between control tokens, so they are tokenized as one text.
    const ids: number[] = [];
    let rest = '';
    for (const piece of [...splitControl(before, specials), text, ...splitControl(after, specials)]) {
      if (typeof piece === 'string') rest += piece;
      else {
        ids.push(...encode(rest), piece);
        rest = '';
      }
    }
    return { text, ids, rest };
  };
  /** The last message: all replies to it are tokenized in turn. */
  let message: Message | undefined;

  return {
    beginning,
    beginningText: beginning.map((id) => specials.find((token) => token.id === id)?.content ?? '').join(''),
    encode,
    decode,
    hasTemplate: template !== undefined,
    encodeChat(text, reply) {
      const { ids, rest } = (message = message?.text === text ? message : openMessage(text));
      return withoutBeginning(beginning, [...ids, ...encode(rest + reply)]);
    },
    mostTokens: z.number().catch(Infinity).parse(control.model_max_length),
  };
}

/** The tokens before the text. */
function findBeginning(whole: readonly number[], text: readonly number[]): number[] {
  const at = whole.findIndex((_, start) => text.every((id, i) => whole[start + i] === id));
  return at < 0 ? [] : whole.slice(0, at);
}

/** Splits a piece of a template, with its control tokens as ids. */
function splitControl(piece: string, specials: readonly AddedToken[]): (number | string)[] {
  const found: (number | string)[] = [];
  let from = 0;
  for (let at = 0; at < piece.length; at++) {
    const token = specials.find(({ content }) => piece.startsWith(content, at));
    if (token === undefined) continue;
    found.push(piece.slice(from, at), token.id);
    from = at + token.content.length;
    at = from - 1;
  }
  return [...found, piece.slice(from)];
}
