// What `betr pairs measure` prints about a measurement.

import type { MeasurementCard } from '../../../pairs/measurement.ts';
import { formatCount, formatCountOf } from '../../../run/amounts.ts';
import { formatDuration } from '../../output.ts';

export function describeMeasurement(set: string, card: MeasurementCard): string {
  return [
    `${set}: measurement "${card.name}"${card.proxy ? ', a proxy' : ''}, in ${formatDuration(card.seconds)}.`,
    ...describeCoverage(card),
    ...(card.proxy ? [describeCheck(card)] : []),
    ...card.notes,
    `Show it with: betr pairs report ${set} --measurement ${card.name}`,
  ].join('\n');
}

export function describeCoverage({ known, unknown }: MeasurementCard): string[] {
  return [
    `${formatCountOf(known, 'pair')} ${known === 1 ? 'has' : 'have'} a difficulty.`,
    ...Object.entries(unknown)
      .sort(([, a], [, b]) => b - a)
      .map(([reason, pairs]) => `  unknown: ${formatCountOf(pairs, 'pair')}: ${reason}`),
  ];
}

/** How far a proxy agrees with reference models. */
export function describeCheck({ check }: MeasurementCard): string {
  if (check === undefined)
    return (
      'Proxy, not checked: how far it agrees with trained reference models is unknown. Measure a part of the pairs ' +
      'with --by models or --by columns, then measure again with --check 500.'
    );
  const { pairs, spearman, low, high, with: other } = check;
  return spearman === null || low === null || high === null
    ? `Proxy, not checked: "${other}" and this measurement have only ${formatCountOf(pairs, 'pair')} in common, or ` +
        'one of them gives all of these the same difficulty.'
    : `Proxy: Spearman's correlation with "${other}" is ${spearman.toFixed(2)} (95% interval ${low.toFixed(2)} to ` +
        `${high.toFixed(2)}) on ${formatCount(pairs)} pairs.`;
}
