// Scores token sequences with a causal model. Sequences with a common prefix share the work on it through the
// model's past key values, if these can be cut. The numbers depend only on the sequences of one call.

import type { CausalModel, Past } from './causal-model.ts';
import { rowOf } from './logit-rows.ts';

/** Each token needs logits for the whole vocabulary, and longer passes are no faster on a CPU. */
const tokensPerPass = 256;

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
  if (cut === undefined) for (const place of readers) await readOn(place, 0, undefined, []);
  else await visit(readers, 0, undefined, [], cut);
  return scored;

  /**
   * Reads sequences with a common prefix of `at` tokens and at least two more tokens each. Reads the first
   * sequence to its end, also for the sharers, and then branches off the others, because short passes cost
   * more per token. Returns the state after the first.
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

  /** Reads the rest of a sequence, from `from`. */
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
