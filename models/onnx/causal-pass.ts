// Forward passes of a causal model over sequences of tokens. Sequences that begin alike share the work on what they have in
// common, by the model's past key values; the numbers depend on the sequences of one call, never on earlier calls.

import type { PreTrainedModel, Tensor } from '@huggingface/transformers';
import { z } from 'zod';
import type { Transformers } from './load-transformers.ts';

/** Tokens of a pass: each takes the logits of a whole vocabulary, and more tokens are no faster on a CPU. */
const tokensPerPass = 256;

export interface Sequence {
  ids: readonly number[];
  /** The first token whose log probability is wanted; it is at least 1. */
  scoredFrom: number;
}

export interface ScoredSequence {
  logProbability: number;
  /** Whether each scored token is the most likely one. */
  isGreedy: boolean;
}

/** The model's state after the tokens that it has read. */
export interface Past {
  tokens: number;
  entries: Record<string, Tensor>;
}

export interface Pass {
  /** A row of the vocabulary's size for each token that was read. */
  logits: Float32Array;
  past: Past;
}

export interface CausalModel {
  read(ids: readonly number[], past: Past | undefined): Promise<Pass>;
}

/** A model of the library as a causal one. */
export function causalModel(library: Transformers, model: PreTrainedModel): CausalModel {
  const { Tensor, DynamicCache } = library;
  const outputsSchema = z.looseObject({ logits: z.instanceof(Tensor) });
  return {
    async read(ids, past) {
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
      return {
        logits: z.instanceof(Float32Array).parse(logits.to('float32').data),
        past: { tokens, entries },
      };
    },
  };
}

/** The input that takes what an output gives; some models have other state beside keys and values. */
function pastName(present: string): string {
  return present.startsWith('present_')
    ? present.replace('present', 'past')
    : present.replace('present', 'past_key_values');
}

/**
 * The log probability of each sequence's scored tokens. No pass reads a single token where the sequence has more: for one
 * token the runtime has another kernel, whose numbers differ in the second digit.
 */
export async function scoreSequences(
  model: CausalModel,
  sequences: readonly Sequence[],
): Promise<ScoredSequence[]> {
  const scored = sequences.map(() => ({ logProbability: 0, isGreedy: true }));
  // The last token is asked for and not read. What is read for one sequence answers for those that end earlier in it, too.
  const read = sequences.map(({ ids }) => ids.slice(0, -1));
  const longest = new Map<number, number[]>();
  for (const place of read.keys()) {
    const reader = findReader(read, place);
    longest.set(reader, [...(longest.get(reader) ?? []), place]);
  }
  await visit([...longest.keys()], 0, undefined);
  return scored;

  /** Reads on with sequences that are alike up to `at`; each has at least two more tokens. */
  async function visit(places: readonly number[], at: number, past: Past | undefined): Promise<void> {
    const all = places.map((place) => read[place] ?? []);
    const [first = []] = all;
    if (places.length === 1) {
      await readOn(first, at, first.length, past, places);
      return;
    }
    const end = Math.min(commonEnd(all, at), ...all.map((ids) => ids.length - 2));
    const isShared = end >= at + 2;
    const now = isShared ? await readOn(first, at, end, past, places) : past;
    const branches = isShared
      ? groupBy(places, (place) => read[place]?.[end] ?? 0)
      : places.map((place) => [place]);
    for (const branch of branches) await visit(branch, isShared ? end : at, now);
  }

  /** Reads the tokens from `from` up to before `end`, and adds what they say to the sequences of these places. */
  async function readOn(
    ids: readonly number[],
    from: number,
    end: number,
    past: Past | undefined,
    places: readonly number[],
  ): Promise<Past | undefined> {
    let now = past;
    for (let next = from; next < end;) {
      const most = Math.min(end, next + tokensPerPass);
      const to = end - most === 1 ? most - 1 : most;
      const pass = await model.read(ids.slice(next, to), now);
      now = pass.past;
      for (const place of places) addRows(pass.logits, next, to, longest.get(place) ?? []);
      next = to;
    }
    return now;
  }

  /** Adds what the rows of the tokens from `from` up to before `to` say of the tokens after them. */
  function addRows(logits: Float32Array, from: number, to: number, places: readonly number[]): void {
    const width = logits.length / (to - from);
    for (let token = from; token < to; token++) {
      let row: Row | undefined;
      for (const place of places) {
        const sequence = sequences[place];
        const result = scored[place];
        const next = sequence?.ids[token + 1];
        if (
          sequence === undefined ||
          result === undefined ||
          next === undefined ||
          token + 1 < sequence.scoredFrom
        )
          continue;
        row ??= readRow(logits, (token - from) * width, width);
        result.logProbability += (logits[(token - from) * width + next] ?? Number.NaN) - row.logSum;
        result.isGreedy &&= row.best === next;
      }
    }
  }
}

/** The place of the longest sequence that begins with all of this one; of several such, the first. */
function findReader(read: readonly (readonly number[])[], place: number): number {
  const own = read[place] ?? [];
  let reader = place;
  for (const [other, ids] of read.entries()) {
    const length = read[reader]?.length ?? 0;
    const isBetter = ids.length > length || (ids.length === length && other < reader);
    if (isBetter && own.every((id, at) => ids[at] === id)) reader = other;
  }
  return reader;
}

/** How far sequences that are alike up to `at` are alike. */
function commonEnd(sequences: readonly (readonly number[])[], at: number): number {
  const [first = []] = sequences;
  let end = at;
  while (end < first.length && sequences.every((ids) => ids[end] === first[end])) end++;
  return end;
}

function groupBy(places: readonly number[], keyOf: (place: number) => number): number[][] {
  const groups = new Map<number, number[]>();
  for (const place of places) groups.set(keyOf(place), [...(groups.get(keyOf(place)) ?? []), place]);
  return [...groups.values()];
}

export interface Row {
  best: number;
  /** The logarithm of the sum of e^logit. */
  logSum: number;
}

/** Reads the logits of one token. Throws where they are no finite numbers. */
export function readRow(logits: Float32Array, start: number, width: number): Row {
  let best = start;
  for (let i = start + 1; i < start + width; i++) if ((logits[i] ?? 0) > (logits[best] ?? 0)) best = i;
  const most = logits[best] ?? 0;
  let sum = 0;
  for (let i = start; i < start + width; i++) sum += Math.exp((logits[i] ?? 0) - most);
  const logSum = most + Math.log(sum);
  if (!Number.isFinite(logSum)) throw new Error('its logits are no finite numbers');
  return { best: best - start, logSum };
}
