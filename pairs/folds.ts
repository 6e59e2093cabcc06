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

export interface PairSplits {
  /** For each split, the half of every pair: 0 or 1. */
  halves: Uint8Array[];
  /** Groups of pairs with similar prompts. */
  groups: number;
  /** The pairs of the largest group, and the first of them. */
  largest: { pairs: number; first: number };
  /** What users should know. */
  notes: string[];
}

/** Splits the pairs of a set three times. Errors: PAIRS_NOT_SPLIT, FILE_DAMAGED. */
export async function splitPairs(set: PairSet, seed: number): Promise<PairSplits> {
  return splitGroups(await groupPairs(set), set.name, seed);
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

/** Splits groups. Errors: PAIRS_NOT_SPLIT. */
export function splitGroups(groups: Uint32Array, set: string, seed: number): PairSplits {
  const sizes = new Uint32Array(groups.length);
  for (const group of groups) sizes[group] = (sizes[group] ?? 0) + 1;
  const firsts = Uint32Array.from(sizes.keys()).filter((pair) => (sizes[pair] ?? 0) > 0);
  let first = 0;
  for (const group of firsts) if ((sizes[group] ?? 0) > (sizes[first] ?? 0)) first = group;
  const pairs = sizes[first] ?? 0;
  if (firsts.length < 2) throw fail('PAIRS_NOT_SPLIT', { set, pairs: groups.length });
  return {
    halves: Array.from({ length: splitCount }, (_, split) =>
      halve(groups, sizes, firsts.slice(), openRandom(Math.imul(seed, 0x9e37_79b1) + split + 1)),
    ),
    groups: firsts.length,
    largest: { pairs, first },
    notes:
      pairs / groups.length < 0.5
        ? []
        : [
            `${formatCount(pairs)} of ${formatCount(groups.length)} pairs (${formatShare(pairs / groups.length)}) have ` +
              'nearly the same prompt, so they are all in one half. Models of the other half learn from the few ' +
              'pairs that are left.',
          ],
  };
}

/**
 * Large groups first, each to the half that has fewer pairs, so that the halves are as equal as they can be; groups
 * of about the same size in random order.
 */
function halve(
  groups: Uint32Array,
  sizes: Uint32Array,
  firsts: Uint32Array,
  random: () => number,
): Uint8Array {
  shuffle(firsts, random);
  const scaleOf = (group: number): number => 31 - Math.clz32(sizes[group] ?? 0);
  firsts.sort((a, b) => scaleOf(b) - scaleOf(a));
  const filled = [0, 0];
  const halves = new Uint8Array(groups.length);
  for (const group of firsts) {
    const [a = 0, b = 0] = filled;
    const half = a === b ? Math.floor(2 * random()) : a < b ? 0 : 1;
    filled[half] = (filled[half] ?? 0) + (sizes[group] ?? 0);
    halves[group] = half;
  }
  for (const [pair, group] of groups.entries()) halves[pair] = halves[group] ?? 0;
  return halves;
}
