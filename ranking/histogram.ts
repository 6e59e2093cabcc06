// The ranking's histogram in equal steps of score, for plotting. Counts come from the ranking's 65,536 finer
// bins; a bin across an edge is split evenly, so counts are fractions near edges and exact in sum.

import { z } from 'zod';
import { amount } from '../run/schemas.ts';
import { binFloor } from '../scoring/part.ts';
import type { Ranking } from './generation.ts';

export const stepSchema = z.strictObject({
  /** Scores `from` ≤ score < `to`; the first and last step include everything beyond them. */
  from: z.number(),
  to: z.number(),
  documents: amount,
  tokens: amount,
});
export type Step = z.output<typeof stepSchema>;

/**
 * [ours] Share of the documents at either end that may be beyond the first and last step, so that outliers do
 * not squeeze the rest.
 */
const tail = 0.0003;

/** `count` equal steps of score, lowest first; none for an empty histogram. */
export function spreadHistogram(histogram: Ranking['histogram'], count: number): Step[] {
  const rising = histogram.toReversed();
  const [low, high] = innerRange(rising);
  const width = (high - low) / count;
  const steps = Array.from({ length: rising.length === 0 ? 0 : count }, (_, index): Step => ({
    from: low + index * width,
    to: index === count - 1 ? high : low + (index + 1) * width,
    documents: 0,
    tokens: 0,
  }));
  const place = (score: number): number => (score - low) / width;
  for (const [bin, documents, tokens] of rising) {
    const [from, to] = [place(binFloor(bin)), place(binFloor(bin + 1))];
    const first = Math.min(count - 1, Math.max(0, Math.floor(from)));
    const last = Math.max(first, Math.min(count - 1, Math.ceil(to) - 1));
    for (let index = first; index <= last; index++) {
      const begin = index === first ? from : index;
      const end = index === last ? to : index + 1;
      // Near 0 a bin can be too narrow for its width to be representable.
      const part = first === last ? 1 : (end - begin) / (to - from);
      const step = steps[index];
      if (step === undefined) continue;
      step.documents += documents * part;
      step.tokens += tokens * part;
    }
  }
  return steps;
}

/** The scores that enclose all but the tails, at bin edges. */
function innerRange(rising: Ranking['histogram']): [low: number, high: number] {
  const all = rising.reduce((sum, [, documents]) => sum + documents, 0);
  const beyond = (bins: Ranking['histogram']): number => {
    let documents = 0;
    for (const [bin, inBin] of bins) {
      documents += inBin;
      if (documents > tail * all) return bin;
    }
    return 0;
  };
  return [binFloor(beyond(rising)), binFloor(beyond(rising.toReversed()) + 1)];
}
