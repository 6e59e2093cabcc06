// Makes pairs from several scored answers to one prompt, by a rule of the settings.

import type { CombineRule } from '../../run/pair-settings.ts';

export interface Scored<T> {
  answer: T;
  score: number;
}

/** Pairs of a better and a worse answer. Answers with equal scores never make a pair. */
export function combine<T>(answers: readonly Scored<T>[], rule: CombineRule): [Scored<T>, Scored<T>][] {
  const sorted = answers.toSorted((a, b) => b.score - a.score);
  const pairs: [Scored<T>, Scored<T>][] = [];
  const add = (better: Scored<T> | undefined, worse: Scored<T> | undefined): void => {
    if (better !== undefined && worse !== undefined && better.score > worse.score)
      pairs.push([better, worse]);
  };
  if (rule === 'best-worst') add(sorted[0], sorted.at(-1));
  for (const [at, better] of sorted.entries()) {
    if (rule === 'neighbors') add(better, sorted[at + 1]);
    if (rule === 'all') for (const worse of sorted.slice(at + 1)) add(better, worse);
  }
  return pairs;
}
