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
    return {
      beginning,
      beginningText: beginning.length === 0 ? '' : await decode(beginning),
      hasPlainText: isLlama,
      encode: (one) => (one === '' ? Promise.resolve([]) : tokens(one, false)),
      decode,
    };
  } catch (error) {
    if (error instanceof EndpointProblem) return undefined;
    throw error;
  }
}
