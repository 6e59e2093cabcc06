// A causal model of transformers.js and its past key values.

import { z } from 'zod';
import type { PreTrainedModel, Tensor } from '#transformers';
import type { Transformers } from './transformers-library.ts';

/** The model's state after the tokens it has read. */
export interface Past {
  tokens: number;
  entries: Record<string, Tensor>;
}

export interface Pass {
  /** A row with the size of the vocabulary for each token read. */
  logits: Float32Array;
  past: Past;
}

export interface CausalModel {
  read(ids: readonly number[], past: Past | undefined): Promise<Pass>;
  /** The state after the first `tokens` tokens; missing if the model's state cannot be cut. */
  cut?: (past: Past, tokens: number) => Past;
}

/** Wraps a model of the library and tries it on two tokens. Throws if it is not a causal model. */
export async function openCausalModel(
  { Tensor, DynamicCache }: Transformers,
  model: PreTrainedModel,
): Promise<CausalModel> {
  const outputsSchema = z.looseObject({ logits: z.instanceof(Tensor) });
  const read = async (ids: readonly number[], past: Past | undefined): Promise<Pass> => {
    const tokens = (past?.tokens ?? 0) + ids.length;
    const outputs = outputsSchema.parse(
      await model({
        input_ids: new Tensor('int64', BigInt64Array.from(ids, BigInt), [1, ids.length]),
        attention_mask: new Tensor('int64', new BigInt64Array(tokens).fill(1n), [1, tokens]),
        ...(past === undefined ? {} : { past_key_values: new DynamicCache(past.entries) }),
      }),
    );
    const { logits, ...others } = outputs;
    const entries: Record<string, Tensor> = {};
    for (const [name, value] of Object.entries(others)) {
      if (name.startsWith('present') && value instanceof Tensor) entries[pastName(name)] = value;
    }
    return { logits: z.instanceof(Float32Array).parse(logits.to('float32').data), past: { tokens, entries } };
  };
  const cut = (past: Past, tokens: number): Past => {
    const entries: Record<string, Tensor> = {};
    for (const [name, entry] of Object.entries(past.entries)) {
      const { values, dims } = cutEntry(entry, tokens);
      entries[name] = new Tensor('float32', values, dims);
    }
    return { tokens, entries };
  };
  const { past } = await read([0, 0], undefined);
  return Object.values(past.entries).every((entry) => isCuttable(entry, past.tokens))
    ? { read, cut }
    : { read };
}

/**
 * Whether an entry holds keys or values (texts × heads × tokens × numbers) in main memory, not another kind of
 * state and not on a GPU.
 */
function isCuttable({ dims, type, location }: Tensor, tokens: number): boolean {
  return location === 'cpu' && type === 'float32' && dims.length === 4 && dims[2] === tokens;
}

/** Keys or values of the first `tokens` tokens. */
function cutEntry({ dims, data }: Tensor, tokens: number): { values: Float32Array; dims: number[] } {
  const [texts = 0, heads = 0, all = 0, numbers = 0] = dims;
  const whole = z.instanceof(Float32Array).parse(data);
  const values = new Float32Array(texts * heads * tokens * numbers);
  for (let head = 0; head < texts * heads; head++) {
    const from = head * all * numbers;
    values.set(whole.subarray(from, from + tokens * numbers), head * tokens * numbers);
  }
  return { values, dims: [texts, heads, tokens, numbers] };
}

/** The input for an output; some models have other state besides keys and values. */
function pastName(present: string): string {
  return present.startsWith('present_')
    ? present.replace('present', 'past')
    : present.replace('present', 'past_key_values');
}
