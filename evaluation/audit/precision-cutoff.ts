// A cutoff for a target precision: chosen on one half of the judged documents and measured on the other,
// because the figure that it was selected on is optimistic.

import { z } from 'zod';
import { count } from '../../run/schemas.ts';
import { type Audit, chanceOf } from './audit.ts';
import { intervalSchema } from '../../data/statistics.ts';
import { weightedShare } from './intervals.ts';
import { type Judged, type Weighted, weigh } from './judged.ts';

/** What a half's precision rests on. */
const basisSchema = {
  judged: count,
  /** Slices that reach above the score and have no yes or no in this half; the precision leaves them out. */
  emptySlices: count,
};

export const precisionCutoffSchema = z.strictObject({
  wanted: z.number(),
  /**
   * The lowest score down to which the choosing half's precision is at least as wanted; null if there is none.
   */
  score: z.number().nullable(),
  /** Precision down to it on the half that chose it, and how many judged documents that has. */
  chosenOn: z.strictObject({ precision: z.number(), ...basisSchema }).nullable(),
  /** On the other half. */
  measuredOn: intervalSchema.extend(basisSchema).nullable(),
  /** What the measured interval says about the target precision. */
  verdict: z.enum(['reached', 'undecided', 'missed', 'no cutoff found']),
});
export type PrecisionCutoff = z.output<typeof precisionCutoffSchema>;

/** [ours] Documents that a cutoff must have above it in the half that chooses it. */
export const leastAbove = 10;

/** Chooses and measures a cutoff; the halves depend on the audit's seed only. */
export function cutoffFor(audit: Audit, judged: readonly Judged[], wanted: number): PrecisionCutoff {
  const halves = halve(audit, judged);
  const [choosing, measuring] = [weigh(audit, halves[0]), weigh(audit, halves[1])];
  const chosen = choose(choosing, wanted);
  if (chosen === undefined)
    return { wanted, score: null, chosenOn: null, measuredOn: null, verdict: 'no cutoff found' };
  const { score, precision } = chosen;
  const above = measuring.filter(({ document }) => document.score >= score);
  const emptySlices = (half: readonly Weighted[]): number =>
    audit.slices.filter(
      ({ to }, at) => (to === null || to > score) && half.every(({ document: { slice } }) => slice !== at),
    ).length;
  const share = weightedShare(above);
  return {
    wanted,
    score,
    chosenOn: { precision, judged: chosen.judged, emptySlices: emptySlices(choosing) },
    measuredOn:
      share === undefined ? null : { ...share, judged: above.length, emptySlices: emptySlices(measuring) },
    verdict:
      share === undefined || (share.low < wanted && share.high >= wanted)
        ? 'undecided'
        : share.low >= wanted
          ? 'reached'
          : 'missed',
  };
}

/** Two halves of the judged documents at random, each with half of every slice. */
function halve({ seed, slices }: Audit, judged: readonly Judged[]): [Judged[], Judged[]] {
  const halves: [Judged[], Judged[]] = [[], []];
  // One sequence over all slices, so that odd numbers of documents take turns.
  let turn = 0;
  for (const at of slices.keys()) {
    const own = judged
      .flatMap((document) =>
        document.slice === at && document.yes !== undefined
          ? { document, chance: chanceOf('half', seed, document.id) }
          : [],
      )
      .sort((a, b) => a.chance - b.chance);
    for (const { document } of own) halves[turn++ % 2 === 0 ? 0 : 1].push(document);
  }
  return halves;
}

/** The lowest score with the target precision at and above it, if at least `leastAbove` documents are. */
function choose(
  documents: readonly Weighted[],
  wanted: number,
): { score: number; precision: number; judged: number } | undefined {
  const sorted = documents.toSorted((a, b) => b.document.score - a.document.score);
  let weights = 0;
  let yes = 0;
  let found: ReturnType<typeof choose>;
  for (const [at, { document, yes: own, weight }] of sorted.entries()) {
    weights += weight;
    yes += weight * own;
    const isTied = sorted[at + 1]?.document.score === document.score;
    // Rounding must not miss a precision of exactly 1.
    if (!isTied && at + 1 >= leastAbove && yes / weights >= wanted - 1e-9)
      found = { score: document.score, precision: Math.min(1, yes / weights), judged: at + 1 };
  }
  return found;
}
