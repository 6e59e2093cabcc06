// Scores token sequences with a causal model. Sequences with a common prefix share the work on it through the
// model's past key values, if these can be cut. The numbers depend only on the sequences of one call.

import type { CausalModel, Past } from './causal-model.ts';
import { rowOf } from './logit-rows.ts';

export interface Sequence {
  ids: readonly number[];
  /** The first token to score; at least 1. */
  scoredFrom: number;
}

export interface ScoredSequence {
  logProbability: number;
  /** Whether each scored token is the most likely one. */
  isGreedy: boolean;
}

/** A sequence with the same tokens as the one being read, up to `end` (exclusive). */
interface Sharer {
  place: number;
  end: number;
}

/**
 * The log probability of each sequence's scored tokens. No pass reads a single token: the runtime has another
 * kernel for that, whose numbers differ in the second digit.
 */
export async function scoreSequences(
  model: CausalModel,
  sequences: readonly Sequence[],
): Promise<ScoredSequence[]> {
  const scored = sequences.map(() => ({ logProbability: 0, isGreedy: true }));
  // The last token need not be read. A sequence that is a prefix of another needs no pass of its own.
  const read = sequences.map(({ ids }) => (ids.length === 2 ? ids : ids.slice(0, -1)));
  const longest = new Map<number, number[]>();
  for (const place of read.keys()) {
    const reader = findReader(read, place);
    longest.set(reader, [...(longest.get(reader) ?? []), place]);
  }
  const readers = [...longest.keys()];
  const { cut } = model;
  if (cut === undefined) for (const place of readers) await readSequence(place, 0, undefined, [], false);
  else await visit(readers, 0, undefined, [], cut, false);
  return scored;

  /**
   * Reads sequences with a common prefix of `at` tokens and at least two more tokens each. Reads the first
   * sequence to its end, also for the sharers, and then branches off the others, because short passes cost
   * more per token. Returns the state after the first if it is wanted.
   */
  async function visit(
    places: readonly number[],
    at: number,
    past: Past | undefined,
    sharers: readonly Sharer[],
    cut: NonNullable<CausalModel['cut']>,
    wantsState: boolean,
  ): Promise<Past | undefined> {
    const [place = 0] = places;
    if (places.length === 1) return readSequence(place, at, past, sharers, wantsState);
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
      wantsState || end > 0,
    );
    const parted = state === undefined || end === 0 ? undefined : cut(state, end);
    for (const branch of others) await visit(branch, end, parted, [], cut, false);
    return state;
  }

  /** Reads the rest of a sequence, from `from`, and returns the state after it if it is wanted. */
  async function readSequence(
    place: number,
    from: number,
    past: Past | undefined,
    sharers: readonly Sharer[],
    wantsState: boolean,
  ): Promise<Past | undefined> {
    const ids = read[place] ?? [];
    let now = past;
    for (let next = from; next < ids.length;) {
      const most = Math.min(ids.length, next + model.tokensPerPass);
      const to = ids.length - most === 1 ? most - 1 : most;
      const part = ids.slice(next, to);
      let logits: Float32Array;
      if (to === ids.length && !wantsState) ({ logits } = await model.read(part, now));
      else ({ logits, past: now } = await model.readOn(part, now));
      for (const sharer of [{ place, end: ids.length }, ...sharers]) addRows(logits, next, to, sharer);
      next = to;
    }
    return now;
  }

  /** Adds the log probabilities of the tokens that follow the tokens from `from` to `to` (exclusive). */
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

/** The index of the longest sequence that this one is a prefix of; the first if there are several. */
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

/** The length of the common prefix, which is at least `at`. */
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
