// The tokenizer route of a server, if it has one. It lets betr send tokens and check how many the server read.

import { z } from 'zod';
import { EndpointProblem } from './exchange.ts';
import type { Server } from './server.ts';

export interface ServerTokenizer {
  beginning: readonly number[];
  beginningText: string;
  /** Whether control tokens in a text are plain text. */
  hasPlainText: boolean;
  /** Tokens of a text, without the beginning tokens. */
  encode(text: string): Promise<readonly number[]>;
  decode(ids: readonly number[]): Promise<string>;
}

/** Texts of at most so many characters are tokenized once, and so many of them are kept. */
const shortCharacters = 128;
const shortTexts = 10_000;

const tokensSchema = z.object({ tokens: z.array(z.number().int().nonnegative()) });
const llamaTextSchema = z.object({ content: z.string() });
const textSchema = z.union([
  z.object({ prompt: z.string() }).transform(({ prompt }) => prompt),
  z.object({ text: z.string() }).transform(({ text }) => text),
]);

/** Opens the tokenizer of a server; undefined if its program has no route for it. */
export async function openServerTokenizer({
  root,
  program,
  model,
  ask,
}: Server): Promise<ServerTokenizer | undefined> {
  if (!['llamacpp', 'vllm', 'sglang'].includes(program)) return undefined;
  const isLlama = program === 'llamacpp';
  const tokens = async (text: string, special: boolean): Promise<number[]> => {
    // Control tokens in a text should be plain text. vLLM and SGLang have no switch for that.
    const body = isLlama
      ? { content: text, add_special: special, parse_special: false }
      : { model, prompt: text, add_special_tokens: special };
    return (await ask(`${root}/tokenize`, body, tokensSchema)).tokens;
  };
  const decode = async (ids: readonly number[]): Promise<string> =>
    isLlama
      ? (await ask(`${root}/detokenize`, { tokens: ids }, llamaTextSchema)).content
      : ask(`${root}/detokenize`, { model, tokens: ids }, textSchema);
  try {
    const text = await tokens('a', false);
    const whole = await tokens('a', true);
    const at = whole.findIndex((_, start) => text.every((id, i) => whole[start + i] === id));
    const beginning = whole.slice(0, Math.max(0, at));
    // The ends of questions with their answers, which are the same for every text.
    const known = new Map<string, Promise<number[]>>();
    const encodeShort = (short: string): Promise<number[]> => {
      const ids = known.get(short) ?? tokens(short, false);
      if (known.size < shortTexts) known.set(short, ids);
      ids.catch(() => known.delete(short));
      return ids;
    };
    return {
      beginning,
      beginningText: beginning.length === 0 ? '' : await decode(beginning),
      hasPlainText: isLlama,
      encode: (one) =>
        one === ''
          ? Promise.resolve([])
          : one.length <= shortCharacters
            ? encodeShort(one)
            : tokens(one, false),
      decode,
    };
  } catch (error) {
    if (error instanceof EndpointProblem) return undefined;
    throw error;
  }
}
