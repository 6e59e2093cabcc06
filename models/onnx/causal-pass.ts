// Forward passes of a causal model over sequences of tokens. Sequences that begin alike share the work on
// what they have in common, by the model's past key values where they can be cut; the numbers depend on the
// sequences of one call, never on earlier calls.

import { z } from 'zod';
import type { PreTrainedModel, Tensor } from '#transformers';
import type { Transformers } from './transformers-library.ts';

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
  /** The state after the first so many of its tokens; missing where the model's state cannot be cut. */
  cut?: (past: Past, tokens: number) => Past;
}

/**
 * A model of the library as a causal one, which is tried on two tokens. Throws where it cannot be used as
 * one.
 */
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
 * Whether it is keys or values (texts × heads × tokens × numbers) in memory: not state of another kind, and
 * not on a GPU.
 */
function isCuttable({ dims, type, location }: Tensor, tokens: number): boolean {
  return location === 'cpu' && type === 'float32' && dims.length === 4 && dims[2] === tokens;
}

/** The first tokens of keys or values. */
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

/** The input that takes what an output gives; some models have other state beside keys and values. */
function pastName(present: string): string {
  return present.startsWith('present_')
    ? present.replace('present', 'past')
    : present.replace('present', 'past_key_values');
}

/** A sequence that is alike with the one that is read, up to before a token. */
interface Sharer {
  place: number;
  end: number;
}

/**
 * The log probability of each sequence's scored tokens. No pass reads a single token: for that the runtime
 * has another kernel, whose numbers differ in the second digit.
 */
export async function scoreSequences(
  model: CausalModel,
  sequences: readonly Sequence[],
): Promise<ScoredSequence[]> {
  const scored = sequences.map(() => ({ logProbability: 0, isGreedy: true }));
  // The last token need not be read. What is read for one sequence answers for those that end earlier in it,
  // too.
  const read = sequences.map(({ ids }) => (ids.length === 2 ? ids : ids.slice(0, -1)));
  const longest = new Map<number, number[]>();
  for (const place of read.keys()) {
    const reader = findReader(read, place);
    longest.set(reader, [...(longest.get(reader) ?? []), place]);
  }
  const readers = [...longest.keys()];
  const { cut } = model;
  if (cut === undefined) for (const place of readers) await readOn(place, 0, undefined, []);
  else await visit(readers, 0, undefined, [], cut);
  return scored;

  /**
   * Reads on with sequences that are alike up to `at` and have at least two more tokens each. The first is
   * read to its end in one go, for itself and for the sharers as far as they are alike, and the others part
   * from it: a short pass costs more for each token. Gives the state after the first.
   */
  async function visit(
    places: readonly number[],
    at: number,
    past: Past | undefined,
    sharers: readonly Sharer[],
    cut: NonNullable<CausalModel['cut']>,
  ): Promise<Past | undefined> {
    const [place = 0] = places;
    if (places.length === 1) return readOn(place, at, past, sharers);
    const all = places.map((one) => read[one] ?? []);
    const end = Math.max(at, Math.min(commonEnd(all, at), ...all.map((ids) => ids.length - 2)));
    const groups = end > at ? groupBy(places, (one) => read[one]?.[end] ?? 0) : [];
    const [own = [], ...others] = groups.length > 1 ? groups : places.map((one) => [one]);
    const state = await visit(
      own,
      at,
      past,
      [...sharers, ...others.flat().map((one) => ({ place: one, end }))],
      cut,
    );
    const parted = state === undefined || end === 0 ? undefined : cut(state, end);
    for (const branch of others) await visit(branch, end, parted, [], cut);
    return state;
  }

  /** Reads the rest of a sequence from `from` on. */
  async function readOn(
    place: number,
    from: number,
    past: Past | undefined,
    sharers: readonly Sharer[],
  ): Promise<Past | undefined> {
    const ids = read[place] ?? [];
    let now = past;
    for (let next = from; next < ids.length;) {
      const most = Math.min(ids.length, next + tokensPerPass);
      const to = ids.length - most === 1 ? most - 1 : most;
      const pass = await model.read(ids.slice(next, to), now);
      now = pass.past;
      for (const sharer of [{ place, end: ids.length }, ...sharers]) addRows(pass.logits, next, to, sharer);
      next = to;
    }
    return now;
  }

  /** Adds what the rows of the tokens from `from` up to before `to` say of the tokens after them. */
  function addRows(logits: Float32Array, from: number, to: number, { place, end }: Sharer): void {
    const width = logits.length / (to - from);
    for (const one of longest.get(place) ?? []) {
      const { ids, scoredFrom } = sequences[one] ?? { ids: [], scoredFrom: 0 };
      const result = scored[one];
      const last = Math.min(to, end, ids.length - 1);
      for (let token = Math.max(from, scoredFrom - 1); token < last && result !== undefined; token++) {
        const { best, logSum } = rowOf(logits, (token - from) * width, width);
        const next = ids[token + 1] ?? 0;
        result.logProbability += (logits[(token - from) * width + next] ?? Number.NaN) - logSum;
        result.isGreedy &&= best === next;
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

/** The row that starts here, read once for all sequences that ask for it. */
function rowOf(logits: Float32Array, start: number, width: number): Row {
  const rows = rowsOf.get(logits) ?? new Map<number, Row>();
  rowsOf.set(logits, rows);
  const row = rows.get(start) ?? readRow(logits, start, width);
  rows.set(start, row);
  return row;
}
const rowsOf = new WeakMap<Float32Array, Map<number, Row>>();

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
