// Prints a prediction, alone or next to the actual values.

import type { Prediction } from '../ranking/predict.ts';
import type { Cost } from '../scoring/cost.ts';
import type { Forecast } from '../ranking/forecast.ts';
import { formatAmount, formatCount, formatCountOf, formatFlops, formatShare } from '../run/amounts.ts';
import { formatBytes, formatTable } from './output.ts';

export function describePrediction({
  shards,
  fileBytes,
  probes,
  probedBytes,
  standardError,
  workers,
  freeDiskBytes,
  byBeginnings,
  tokensEstimated,
  cost,
  predicted,
  actual,
}: Prediction): string {
  const rows = listForecast(predicted);
  const real = actual === null ? [] : listForecast(actual);
  const table = rows.map(([name, value], i) =>
    actual === null ? [name, value] : [name, value, real[i]?.[1] ?? ''],
  );
  const lines = [
    `${formatCountOf(shards, 'shard')} (${formatBytes(fileBytes)}) to score ` +
      `with ${formatCountOf(workers, 'worker')}; sampled ${formatBytes(probedBytes)} of text ` +
      `in ${formatCountOf(probes, 'place')}${
        standardError > 0 ? `; the token count is accurate to about ${formatShare(2 * standardError)}` : ''
      }`,
    formatTable([actual === null ? ['', 'predicted'] : ['', 'predicted', 'actual'], ...table]),
  ];
  if (actual === null && cost !== undefined) lines.push(describeCost(cost));
  if (actual === null && byBeginnings)
    lines.push(
      'Compressed files are sampled at the beginning only, because they cannot be read from the middle.',
    );
  if (tokensEstimated) lines.push('Token counts are estimated.');
  if (actual === null && predicted.diskBytes > freeDiskBytes)
    lines.push(`Note: only ${formatBytes(freeDiskBytes)} of disk space is free`);
  return lines.join('\n');
}

/** What documents cost a slow scorer, in a sentence. */
export function describeCost({ measured, documents, seconds, tokens, money }: Cost): string {
  if (measured.documents === 0)
    return 'The time could not be measured, because the answers about the measured documents are stored already.';
  return (
    `Measured on ${formatCountOf(measured.documents, 'document')}: ` +
    `${formatSeconds(measured.seconds / measured.documents)} and ` +
    `${formatCount(Math.round(measured.tokens / measured.documents))} model tokens each. ` +
    `${formatCountOf(documents, 'document')} to score take ${formatSeconds(seconds)} and ` +
    `${formatAmount(tokens)} model tokens${money === null ? '' : `, which cost ${money.toPrecision(3)}`}.`
  );
}

function listForecast({
  seconds,
  memoryBytes,
  diskBytes,
  documents,
  tokens,
  budgets,
}: Forecast): [name: string, value: string][] {
  return [
    ['time', seconds === 0 ? '-' : formatSeconds(seconds)],
    ['memory per worker', memoryBytes === 0 ? '-' : formatBytes(memoryBytes)],
    ['disk', formatBytes(diskBytes)],
    ['documents', formatCount(documents)],
    ['tokens', formatAmount(tokens)],
    ...budgets.map(({ flops, rate, tokens: kept, score }): [string, string] => [
      `kept for ${formatFlops(flops)} FLOPs`,
      `${formatAmount(kept)} tokens (${formatShare(rate)}), score ≥ ${score?.toPrecision(3) ?? '-'}`,
    ]),
  ];
}

function formatSeconds(seconds: number): string {
  if (seconds < 120) return `${seconds.toPrecision(3)} s`;
  return seconds < 7200 ? `${(seconds / 60).toFixed(1)} min` : `${(seconds / 3600).toFixed(1)} h`;
}
