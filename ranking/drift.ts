// How a new generation differs from the last one: its scores, what the old cutoffs keep of it, and its
// composition. Measured for all documents and for the new ones alone, where a change shows much earlier.
// Written to run/drift.json.

import { z } from 'zod';
import { count } from '../run/schemas.ts';
import type { Sums } from '../scoring/sums.ts';
import type { PartCard } from '../scoring/part.ts';
import { commitSealedJson, readSealedJson } from '../data/files/commit.ts';
import type { Run } from '../run/run.ts';
import type { Settings } from '../run/settings.ts';
import type { Ranking } from './generation.ts';
import { floorRate, keepRate, type Law, lawRate, planModelFor } from './budget/laws.ts';
import { describeLoss, listOver } from './drift-limits.ts';

const share = z.number();

const comparisonSchema = z.strictObject({
  documents: count,
  tokens: count,
  /** Null if another classifier made the scores, so that they cannot be compared. */
  scores: z
    .strictObject({
      /** Population stability index over the tenths of the last generation's documents. */
      psi: z.number(),
      /**
       * Largest distance between the two distribution functions (Kolmogorov-Smirnov), at the resolution of
       * score bins.
       */
      ks: z.number(),
      /**
       * Share of the tokens kept by the last generation's cutoff for the budget: in that generation, and now.
       */
      budgets: z.array(z.strictObject({ flops: z.number(), before: share, now: share })),
    })
    .nullable(),
  /** Share of the tokens by source, the largest change first. */
  sources: z.array(z.strictObject({ source: z.string(), before: share, now: share })),
});
export type Comparison = z.output<typeof comparisonSchema>;

export const driftSchema = z.strictObject({
  /** The generations compared. */
  from: z.string(),
  to: z.string(),
  /** All documents. */
  whole: comparisonSchema,
  /** The documents that are new in this generation; null if there are too few to tell. */
  fresh: comparisonSchema.nullable(),
  /** One sentence for each figure that is over its threshold in the settings. */
  over: z.array(z.string()),
});
export type Drift = z.output<typeof driftSchema>;

/**
 * [ours] Fewer new documents differ by chance alone: the PSI of 1,000 from the same distribution is about
 * 0.009.
 */
const fewestFresh = 1000;
const groups = 10;
const mostSources = 20;

type Histogram = PartCard['histogram'];

/**
 * The drift from one generation to the next. `fresh`: the figures of its new documents; `law`: the settings'
 * keep-rate law.
 */
export function measureDrift(
  before: Ranking,
  now: Ranking,
  fresh: Sums,
  settings: Settings,
  law: Law,
): Drift {
  const comparable = before.scorer.sha256 === now.scorer.sha256;
  const compareWith = (figures: Sums): Comparison => ({
    documents: figures.documents,
    tokens: figures.tokens,
    scores: comparable
      ? {
          ...compareScores(before.histogram, figures.histogram),
          budgets: compareBudgets(before, figures, settings.keep, law),
        }
      : null,
    sources: compareSources(before, figures),
  });
  const whole = compareWith(now);
  const ofFresh = fresh.documents < fewestFresh ? null : compareWith(fresh);
  const over = [
    ...describeLoss(before, now, settings.drift),
    ...listOver('', whole, settings.drift),
    ...(ofFresh === null || !settings.drift.newDocuments
      ? []
      : listOver('among the new documents, ', ofFresh, settings.drift)),
  ];
  return { from: before.generation, to: now.generation, whole, fresh: ofFresh, over };
}

/**
 * PSI (Siddiqi, Credit Risk Scorecards, 2006): the sum over groups of (q − p) · ln(q / p), with half a
 * document added to each group so that none is empty. Groups are tenths of `before`, best first, cut at bins.
 */
function compareScores(before: Histogram, now: Histogram): { psi: number; ks: number } {
  const total = (histogram: Histogram): number =>
    histogram.reduce((sum, [, documents]) => sum + documents, 0);
  const [totalBefore, totalNow] = [total(before), total(now)];
  const [p, q] = [new Array<number>(groups).fill(0), new Array<number>(groups).fill(0)];
  let [seenBefore, seenNow, ks] = [0, 0, 0];
  for (const [documentsBefore, documentsNow] of joinBins(before, now)) {
    const group = Math.min(groups - 1, Math.floor((groups * seenBefore) / totalBefore));
    p[group] = (p[group] ?? 0) + documentsBefore;
    q[group] = (q[group] ?? 0) + documentsNow;
    seenBefore += documentsBefore;
    seenNow += documentsNow;
    ks = Math.max(ks, Math.abs(seenBefore / totalBefore - seenNow / totalNow));
  }
  let psi = 0;
  for (let group = 0; group < groups; group++) {
    const shareBefore = ((p[group] ?? 0) + 0.5) / (totalBefore + 0.5 * groups);
    const shareNow = ((q[group] ?? 0) + 0.5) / (totalNow + 0.5 * groups);
    psi += (shareNow - shareBefore) * Math.log(shareNow / shareBefore);
  }
  return { psi, ks };
}

/** The documents of both in every bin of either, best bin first. */
function joinBins(before: Histogram, now: Histogram): [before: number, now: number][] {
  const bins = new Map<number, [number, number]>();
  for (const [bin, documents] of before) bins.set(bin, [documents, 0]);
  for (const [bin, documents] of now) bins.set(bin, [bins.get(bin)?.[0] ?? 0, documents]);
  return [...bins].sort(([a], [b]) => b - a).map(([, both]) => both);
}

function compareBudgets(
  before: Ranking,
  now: Sums,
  keep: Settings['keep'],
  law: Law,
): { flops: number; before: number; now: number }[] {
  return keep.budgets.map((flops) => {
    const rate = rateOf(flops, before.tokens, keep, law);
    const lowestBin = binAt(before.histogram, rate * before.tokens);
    return { flops, before: shareFrom(before, lowestBin), now: shareFrom(now, lowestBin) };
  });
}

/** The keep rate of a budget for a corpus with this many tokens (docs/cutoffs.md). */
export function rateOf(
  flops: number,
  tokens: number,
  { tokensPerParam, maxEpochs }: Settings['keep'],
  law: Law,
): number {
  const model = planModelFor(law, { flops }, tokensPerParam);
  return keepRate(lawRate(law, model), floorRate(model.tokens, tokens, maxEpochs)).rate;
}

/** The bin in which the running token sum, best first, reaches the limit; the last if none does. */
export function binAt(histogram: Histogram, limitTokens: number): number {
  let sum = 0;
  return histogram.find(([, , tokens]) => (sum += tokens) >= limitTokens)?.[0] ?? histogram.at(-1)?.[0] ?? 0;
}

function shareFrom({ histogram, tokens: all }: Sums, lowestBin: number): number {
  return all === 0
    ? 0
    : histogram.reduce((sum, [bin, , tokens]) => sum + (bin >= lowestBin ? tokens : 0), 0) / all;
}

function compareSources(before: Ranking, now: Sums): { source: string; before: number; now: number }[] {
  const shares = new Map<string, [number, number]>();
  for (const { source, tokens } of before.sources) shares.set(source, [tokens / before.tokens, 0]);
  for (const { source, tokens } of now.sources)
    shares.set(source, [shares.get(source)?.[0] ?? 0, tokens / now.tokens]);
  const change = ([, [a, b]]: [string, [number, number]]): number => Math.abs(b - a);
  return [...shares]
    .sort((a, b) => change(b) - change(a) || (a[0] < b[0] ? -1 : 1))
    .slice(0, mostSources)
    .map(([source, [shareBefore, shareNow]]) => ({ source, before: shareBefore, now: shareNow }));
}

/** Writes run/drift.json. Errors: DISK_FULL, WRITE_FAILED. */
export async function writeDrift(run: Run, drift: Drift): Promise<void> {
  await commitSealedJson(run.files.drift, drift);
}

/**
 * The drift of the published generation against the one before; undefined where there was none. Errors:
 * FILE_DAMAGED.
 */
export async function readDrift(run: Run, ranking: Pick<Ranking, 'generation'>): Promise<Drift | undefined> {
  const drift = await readSealedJson(run.files.drift, driftSchema, 'betr rank');
  return drift?.to === ranking.generation ? drift : undefined;
}
