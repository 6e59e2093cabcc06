// A causal model of transformers.js and its past key values.

import { z } from 'zod';
import type { InferenceSession } from 'onnxruntime-node';
import type { PreTrainedModel, Tensor } from '#transformers';
import type { Transformers } from './transformers-library.ts';

/** Logits of a pass, which are 128 MiB. Every token needs logits for the whole vocabulary. */
const logitsPerPass = 1 << 25;

/** The model's state after the tokens it has read. */
export interface Past {
  tokens: number;
  entries: Record<string, Tensor>;
}

export interface Pass {
  /** A row with the size of the vocabulary for each token read. */
  logits: Float32Array;
}

export interface CausalModel {
  /** The most tokens to read at once. */
  tokensPerPass: number;
  /** Reads the last tokens of a text. */
  read(ids: readonly number[], past: Past | undefined): Promise<Pass>;
  /** Reads tokens that others will follow. Takes longer than `read`. */
  readOn(ids: readonly number[], past: Past | undefined): Promise<Pass & { past: Past }>;
  /** The state after the first `tokens` tokens; missing if the model's state cannot be cut. */
  cut?: (past: Past, tokens: number) => Past;
}

/** Wraps a model of the library and tries it on two tokens. Throws if it is not a causal model. */
export async function openCausalModel(
  { Tensor, DynamicCache, PreTrainedModel }: Transformers,
  model: PreTrainedModel,
): Promise<CausalModel> {
  const outputsSchema = z.looseObject({ logits: z.instanceof(Tensor) });
  const run = async (
    by: PreTrainedModel,
    ids: readonly number[],
    past: Past | undefined,
  ): Promise<z.output<typeof outputsSchema>> => {
    const tokens = (past?.tokens ?? 0) + ids.length;
    return outputsSchema.parse(
      await by({
        input_ids: new Tensor('int64', BigInt64Array.from(ids, BigInt), [1, ids.length]),
        attention_mask: new Tensor('int64', new BigInt64Array(tokens).fill(1n), [1, tokens]),
        ...(past === undefined ? {} : { past_key_values: new DynamicCache(past.entries) }),
      }),
    );
  };
  const numbersIn = (logits: Tensor): Float32Array =>
    z.instanceof(Float32Array).parse(logits.to('float32').data);
  const withoutState = z
    .instanceof(PreTrainedModel)
    .parse(
      Reflect.construct(model.constructor, [model.config, logitsSessions(model.sessions), model.configs]),
    );
  const read = async (ids: readonly number[], past: Past | undefined): Promise<Pass> => ({
    logits: numbersIn((await run(withoutState, ids, past)).logits),
  });
  const readOn = async (ids: readonly number[], past: Past | undefined): Promise<Pass & { past: Past }> => {
    const { logits, ...others } = await run(model, ids, past);
    const entries: Record<string, Tensor> = {};
    for (const [name, value] of Object.entries(others)) {
      if (name.startsWith('present') && value instanceof Tensor) entries[pastName(name)] = value;
    }
    return { logits: numbersIn(logits), past: { tokens: (past?.tokens ?? 0) + ids.length, entries } };
  };
  const cut = (past: Past, tokens: number): Past => {
    const entries: Record<string, Tensor> = {};
    for (const [name, entry] of Object.entries(past.entries)) {
      const { values, dims } = cutEntry(entry, tokens);
      entries[name] = new Tensor('float32', values, dims);
    }
    return { tokens, entries };
  };
  const tried = [0, 0];
  const { past, logits } = await readOn(tried, undefined);
  const vocabulary = logits.length / tried.length;
  return {
    tokensPerPass: Math.max(tried.length, Math.floor(logitsPerPass / vocabulary)),
    read,
    readOn,
    ...(Object.values(past.entries).every((entry) => isCuttable(entry, past.tokens)) ? { cut } : {}),
  };
}

function isSession(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'outputNames' in value && 'run' in value;
}

/** Sessions that compute only the logits: to take the state out of the runtime costs time and memory. */
function logitsSessions(sessions: PreTrainedModel['sessions']): PreTrainedModel['sessions'] {
  const schema = z.custom<InferenceSession>(isSession);
  return Object.fromEntries(
    Object.entries(sessions).map(([name, value]) => {
      const session = schema.parse(value);
      if (!session.outputNames.includes('logits')) return [name, session];
      return [
        name,
        new Proxy(session, {
          get(target, key): unknown {
            const run = (feeds: Parameters<typeof target.run>[0]) => target.run(feeds, ['logits']);
            return key === 'run' ? run : Reflect.get(target, key);
          },
        }),
      ];
    }),
  );
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
