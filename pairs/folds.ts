// Splits a set of pairs into halves, so that a pair is judged by models that learned from the other half only. Pairs
// with equal or similar prompts are always in the same half. Promises: the same set and seed give the same halves.

import { readStrings } from '../data/duckdb/columns.ts';
import { parquetSource, withDuckDb } from '../data/duckdb/duckdb.ts';
import { streamAhead } from '../data/duckdb/stream.ts';
import { openRandom, shuffle } from '../data/seeded-random.ts';
import { formatCount, formatShare } from '../run/amounts.ts';
import { fail } from '../run/errors/errors.ts';
import { plainText } from './pair.ts';
import type { PairSet } from './set.ts';
import { openPromptGrouper } from './similar-prompts.ts';

/** Three random splits, as in the paper: six models, and each pair is judged by three. */
export const splitCount = 3;

/** In place of a half, for a pair that is in none. */
export const leftOut = 2;

export interface PairSplits {
  /** For each split, the half of every pair: 0 or 1, or `leftOut` where only a part of the pairs was split. */
  halves: Uint8Array[];
  /** Groups of pairs with similar prompts. */
  groups: number;
  /** The pairs of the largest group, and the first of them. */
  largest: { pairs: number; first: number };
  /** What users should know. */
  notes: string[];
}

/**
 * Splits the pairs of a set three times, or only `part` of them, drawn at random, which are the same for every seed.
 * Errors: PAIRS_NOT_SPLIT, FILE_DAMAGED.
 */
export async function splitPairs(set: PairSet, seed: number, part?: number): Promise<PairSplits> {
  return splitGroups(await groupPairs(set), set.name, seed, part);
}

/** The group of each pair, by the first pair in it: pairs with similar prompts. Errors: FILE_DAMAGED. */
export async function groupPairs({ files, card }: Pick<PairSet, 'files' | 'card'>): Promise<Uint32Array> {
  const grouper = openPromptGrouper(card.pairs);
  await withDuckDb({ threads: 1 }, async (connection) => {
    const sql = `SELECT form, prompt, prompt_hash FROM ${parquetSource(files.table)}`;
    for await (const chunk of streamAhead(connection, sql)) {
      const prompts = readStrings(chunk, 1);
      const hashes = readStrings(chunk, 2);
      for (const [row, form] of readStrings(chunk, 0).entries())
        grouper.add(
          plainText(form === 'messages' ? 'messages' : 'text', prompts[row] ?? ''),
          // The first 64 of 128 bits.
          BigInt(`0x${hashes[row]?.slice(0, 16) ?? '0'}`),
        );
    }
  });
  return grouper.groups();
}

/** Splits groups, or `part` of the pairs in them. Errors: PAIRS_NOT_SPLIT. */
export function splitGroups(groups: Uint32Array, set: string, seed: number, part = Infinity): PairSplits {
  const drawn = Uint32Array.from(groups.keys());
  if (part < groups.length) shuffle(drawn, openRandom(1));
  const used = drawn.subarray(0, Math.min(part, groups.length));
  const sizes = new Uint32Array(groups.length);
  for (const pair of used) {
    const group = groups[pair] ?? 0;
    sizes[group] = (sizes[group] ?? 0) + 1;
  }
  const firsts = Uint32Array.from(sizes.keys()).filter((group) => (sizes[group] ?? 0) > 0);
  if (firsts.length < 2) throw fail('PAIRS_NOT_SPLIT', { set, pairs: used.length });
  const first = firsts.reduce((largest, group) =>
    (sizes[group] ?? 0) > (sizes[largest] ?? 0) ? group : largest,
  );
  const pairs = sizes[first] ?? 0;
  return {
    halves: Array.from({ length: splitCount }, (_, split) => {
      const ofGroups = halve(sizes, firsts.slice(), openRandom(Math.imul(seed, 0x9e37_79b1) + split + 1));
      const halves = new Uint8Array(groups.length).fill(leftOut);
      for (const pair of used) halves[pair] = ofGroups[groups[pair] ?? 0] ?? leftOut;
      return halves;
    }),
    groups: firsts.length,
    largest: { pairs, first },
    notes:
      pairs / used.length < 0.5
        ? []
        : [
            `${formatCount(pairs)} of ${formatCount(used.length)} pairs (${formatShare(pairs / used.length)}) have ` +
              'nearly the same prompt, so they are all in one half. Models of the other half learn from the few ' +
              'pairs that are left.',
          ],
  };
}

/**
 * The half of each group. Large groups first, each to the half that has fewer pairs, so that the halves are as equal as
 * they can be; groups of about the same size in random order.
 */
function halve(sizes: Uint32Array, firsts: Uint32Array, random: () => number): Uint8Array {
  shuffle(firsts, random);
  const scaleOf = (group: number): number => 31 - Math.clz32(sizes[group] ?? 0);
  firsts.sort((a, b) => scaleOf(b) - scaleOf(a));
  const filled = [0, 0];
  const halves = new Uint8Array(sizes.length);
  for (const group of firsts) {
    const [a = 0, b = 0] = filled;
    const half = a === b ? Math.floor(2 * random()) : a < b ? 0 : 1;
    filled[half] = (filled[half] ?? 0) + (sizes[group] ?? 0);
    halves[group] = half;
  }
  return halves;
}
