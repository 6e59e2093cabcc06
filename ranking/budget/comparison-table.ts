// A comparison of budgets as a table, for CSV.

import type { Comparison } from './compare-budgets.ts';

export const comparisonColumns = [
  'name',
  'flops',
  'params',
  'trainingTokens',
  'keepRate',
  'keepLow',
  'keepHigh',
  'setBy',
  'score',
  'documents',
  'keptTokens',
  'ofTokens',
  'epochs',
  'effectiveTokens',
  'jaccardWithNext',
  'addedByNextTokens',
  'removedByNextTokens',
  'paperAccuracyAt3Percent',
  'paperAccuracyAt10Percent',
  'paperAccuracyAt30Percent',
  'paperAccuracyAt100Percent',
  'flags',
] as const;

/** A comparison as a table: one row for each line, with the step to the next line. */
export function tabulateComparison({
  lines,
  steps,
}: Comparison): Record<(typeof comparisonColumns)[number], string | number | null>[] {
  return lines.map(({ name, model, keep, cutoff, repetition, paperAccuracy, flags }, i) => {
    const at = (rate: number): number | null =>
      paperAccuracy?.find((one) => one.keep === rate)?.accuracy ?? null;
    const step = steps[i];
    return {
      name,
      flops: model?.flops ?? null,
      params: model?.params ?? null,
      trainingTokens: model?.tokens ?? null,
      keepRate: keep.rate,
      keepLow: keep.low,
      keepHigh: keep.high,
      setBy: keep.setBy,
      score: cutoff.score,
      documents: cutoff.documents,
      keptTokens: cutoff.tokens,
      ofTokens: cutoff.ofTokens,
      epochs: repetition?.epochs ?? null,
      effectiveTokens: repetition?.effectiveTokens ?? null,
      jaccardWithNext: step?.jaccard ?? null,
      addedByNextTokens: step?.added.tokens ?? null,
      removedByNextTokens: step?.removed.tokens ?? null,
      paperAccuracyAt3Percent: at(0.03),
      paperAccuracyAt10Percent: at(0.1),
      paperAccuracyAt30Percent: at(0.3),
      paperAccuracyAt100Percent: at(1),
      flags: flags.join(' '),
    };
  });
}
