// Extrapolates from probes to the whole corpus.

import { z } from 'zod';
import { amount } from '../run/schemas.ts';
import { type Sums, openSums } from '../scoring/sums.ts';
import { binFloor } from '../scoring/part.ts';
import type { Probe, Probes } from '../scoring/probe.ts';
import type { Settings } from '../run/settings.ts';
import { binAt, rateOf } from './drift.ts';
import type { Law } from './budget/laws.ts';

export const forecastSchema = z.strictObject({
  /** To score what is not scored yet. */
  seconds: amount,
  /** Of the largest worker. */
  memoryBytes: amount,
  /** Bytes that it writes. */
  diskBytes: amount,
  /** Of the whole corpus, including what is already scored. */
  documents: amount,
  tokens: amount,
  budgets: z.array(
    z.strictObject({ flops: amount, rate: amount, tokens: amount, score: z.number().nullable() }),
  ),
});
export type Forecast = z.output<typeof forecastSchema>;

/** About how much memory a row of a part takes: the strings and numbers written for a document. */
const bytesOfRow = 150;

interface Work {
  bytesPerSecond: Probes['bytesPerSecond'];
  /** The overhead of chunks, packs and the packs' shards, beside their text. */
  chunkSeconds: number;
  workers: number;
  chunkBytes: number;
}

export function makeForecast(
  probes: readonly Probe[],
  scored: Sums,
  { bytesPerSecond, chunkSeconds, workers, chunkBytes }: Work,
  keep: Settings['keep'],
  law: Law,
): Forecast {
  const scale = ({ standsFor, fileBytes }: Probe): number => standsFor / fileBytes;
  const sum = (value: (probe: Probe) => number): number =>
    probes.reduce((total, probe) => total + scale(probe) * value(probe), 0);
  const figures = openSums();
  figures.add(scored);
  for (const probe of probes) {
    const times = scale(probe);
    figures.add({
      sources: [],
      histogram: probe.part.histogram.map(([bin, d, t]) => [bin, times * d, times * t]),
    });
  }
  const documentsPerByte =
    sum(({ part }) => part.documents) /
    Math.max(
      1,
      sum(({ part }) => part.textBytes),
    );
  return {
    seconds:
      (sum(({ part, format }) => part.textBytes / (bytesPerSecond.get(format) ?? Infinity)) + chunkSeconds) /
      workers,
    memoryBytes: process.resourceUsage().maxRSS * 1024 + documentsPerByte * chunkBytes * bytesOfRow,
    diskBytes: Math.round(sum(({ writtenBytes }) => writtenBytes)),
    ...countKept(figures.result(), keep, law),
  };
}

/** Relative standard error of the tokens, from the differences between probes. */
export function standardErrorOf(probes: readonly Probe[]): number {
  const estimates = probes.map(({ part, standsFor, fileBytes }) => (part.tokens * standsFor) / fileBytes);
  const mean = estimates.reduce((sum, one) => sum + one, 0) / estimates.length;
  if (estimates.length < 2 || mean === 0) return 0;
  const variance = estimates.reduce((sum, one) => sum + (one - mean) ** 2, 0) / (estimates.length - 1);
  return Math.sqrt(variance / estimates.length) / mean;
}

export function countKept(
  { documents, tokens, histogram }: Sums,
  keep: Settings['keep'],
  law: Law,
): Pick<Forecast, 'documents' | 'tokens' | 'budgets'> {
  const budgets = keep.budgets.map((flops) => {
    const rate = tokens === 0 ? 0 : rateOf(flops, tokens, keep, law);
    return {
      flops,
      rate,
      tokens: Math.round(rate * tokens),
      score: histogram.length === 0 ? null : binFloor(binAt(histogram, rate * tokens)),
    };
  });
  return { documents: Math.round(documents), tokens: Math.round(tokens), budgets };
}
