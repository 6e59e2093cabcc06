// A cutoff for a target precision: chosen on one half of the judged documents and measured on the other,
// because the figure that it was selected on is optimistic.

import { z } from 'zod';
import { type Audit, chanceOf } from './audit.ts';
import { weightedShare } from './intervals.ts';
import type { Judged } from './judged.ts';

export const precisionCutoffSchema = z.strictObject({
  wanted: z.number(),
  /**
   * The lowest score down to which the choosing half's precision is at least as wanted; null if there is none.
   */
  score: z.number().nullable(),
  /** Precision down to it on the half that chose it, and how many judged documents that has. */
  chosenOn: z.strictObject({ precision: z.number(), judged: z.number().int() }).nullable(),
  /** On the other half. */
  measuredOn: z
    .strictObject({ value: z.number(), low: z.number(), high: z.number(), judged: z.number().int() })
    .nullable(),
  /** What the measured interval says about the target precision. */
  verdict: z.enum(['reached', 'undecided', 'missed', 'no cutoff found']),
});
export type PrecisionCutoff = z.output<typeof precisionCutoffSchema>;

/** [ours] Documents that a cutoff must have above it in the half that chooses it. */
export const leastAbove = 10;

interface Weighted {
  score: number;
  yes: number;
  weight: number;
}

/** Chooses and measures a cutoff; the halves depend on the audit's seed only. */
export function cutoffFor(audit: Audit, judged: readonly Judged[], wanted: number): PrecisionCutoff {
  const [choosing, measuring] = halve(audit, judged);
  const chosen = choose(choosing, wanted);
  if (chosen === undefined)
    return { wanted, score: null, chosenOn: null, measuredOn: null, verdict: 'no cutoff found' };
  const { score, ...chosenOn } = chosen;
  const above = measuring.filter((document) => document.score >= score);
  const share = weightedShare(above);
  return {
    wanted,
    score,
    chosenOn,
    measuredOn: share === undefined ? null : { ...share, judged: above.length },
    verdict:
      share === undefined || (share.low < wanted && share.high >= wanted)
        ? 'undecided'
        : share.low >= wanted
          ? 'reached'
          : 'missed',
  };
}

/** Two halves at random, each with half of every slice. A document stands for its slice's documents. */
function halve({ seed, slices }: Audit, judged: readonly Judged[]): [Weighted[], Weighted[]] {
  const halves: [Weighted[], Weighted[]] = [[], []];
  // One sequence over all slices, so that odd numbers of documents take turns.
  let turn = 0;
  for (const [at, { documents }] of slices.entries()) {
    const own = judged
      .flatMap(({ yes, slice, score, id }) =>
        slice === at && yes !== undefined ? { yes, score, chance: chanceOf('half', seed, id) } : [],
      )
      .sort((a, b) => a.chance - b.chance);
    const split = own.map((document) => ({ document, half: turn++ % 2 }));
    for (const [half, into] of halves.entries()) {
      const inHalf = split.filter((one) => one.half === half);
      into.push(
        ...inHalf.map(({ document: { score, yes } }) => ({
          score,
          yes,
          weight: documents / inHalf.length,
        })),
      );
    }
  }
  return halves;
}

/** The lowest score with the target precision at and above it, if at least `leastAbove` documents are. */
function choose(
  documents: readonly Weighted[],
  wanted: number,
): { score: number; precision: number; judged: number } | undefined {
  const sorted = documents.toSorted((a, b) => b.score - a.score);
  let weights = 0;
  let yes = 0;
  let found: ReturnType<typeof choose>;
  for (const [at, document] of sorted.entries()) {
    weights += document.weight;
    yes += document.weight * document.yes;
    const isTied = sorted[at + 1]?.score === document.score;
    // Rounding must not miss a precision of exactly 1.
    if (!isTied && at + 1 >= leastAbove && yes / weights >= wanted - 1e-9)
      found = { score: document.score, precision: Math.min(1, yes / weights), judged: at + 1 };
  }
  return found;
}
