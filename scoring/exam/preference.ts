// How often a judge prefers a text to a damaged copy of it.

import { type Interval, wilson } from '../../data/statistics.ts';
import type { Scores } from './agreement.ts';

/**
 * The share of the texts whose score is above that of their own copy (`copies[i]` is the copy of `texts[i]`), with
 * Wilson's interval; ties count half. Pairs with an unknown score are left out; null if no pair is left.
 */
export function preferenceFor(texts: Scores, copies: Scores): Interval | null {
  let [pairs, preferred] = [0, 0];
  for (const [at, text] of texts.entries()) {
    const copy = copies[at] ?? null;
    if (text === null || copy === null) continue;
    pairs++;
    preferred += text > copy ? 1 : text === copy ? 0.5 : 0;
  }
  return pairs === 0 ? null : wilson(preferred, pairs);
}
