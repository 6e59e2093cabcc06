// The result of ranking as text.

import { shardsOf } from '../scoring/shard-changes.ts';
import { formatCountOf, formatCount, formatShare } from '../run/amounts.ts';
import type { Ranking } from '../ranking/generation.ts';
import { addUpUnknown } from '../scoring/part.ts';
import type { Drift } from '../ranking/drift.ts';
import { describeUnknown } from '../ranking/unknown.ts';
import type { RankResult } from '../ranking/rank.ts';
import { describeEmpty, describeQuarantine, formatBytes } from './output.ts';
import { describePrediction } from './prediction.ts';

/** The result without the parts and the histogram, which are in ranking.json. */
export function summarizeRank({
  ranking,
  folder,
  published,
  drift,
  prediction,
  scores,
  withoutDocuments,
  notes,
  warnings,
}: RankResult): object {
  const { generation, publishedAt, documents, tokens, estimatedDocuments, unknown, textBytes, quarantined } =
    ranking;
  return {
    published,
    folder,
    ranking: {
      generation,
      publishedAt,
      documents,
      tokens,
      estimatedDocuments,
      unknown,
      textBytes,
      quarantined,
      shards: shardsOf(ranking.parts).length,
    },
    drift,
    prediction,
    ...scores,
    withoutDocuments,
    notes,
    warnings,
  };
}

/** The result as text. */
export function describeRank(result: RankResult): string {
  const { ranking, published, prediction, scores } = result;
  const estimated = ranking.estimatedDocuments > 0 ? ' (estimated)' : '';
  const lines = [
    `Ranked ${formatCount(ranking.documents)} documents, ${formatCount(ranking.tokens)} ` +
      `tokens${estimated}; generation ${ranking.generation}${published ? '' : ', unchanged'}`,
  ];
  if (scores.shardsScored > 0)
    lines.push(
      `Scored ${formatCountOf(scores.shardsScored, 'shard')}, ${formatBytes(scores.textBytes)} of text ` +
        `in ${scores.seconds.toFixed(1)} s ` +
        `(${formatBytes(scores.textBytes / scores.seconds)}/s)${describeReused(ranking, scores)}` +
        (scores.documentsStored === 0
          ? ''
          : `. The model had judged ${formatCount(scores.documentsStored)} of ` +
            `${formatCountOf(scores.documents, 'document')} before`),
    );
  else lines.push(published ? 'Everything was already scored' : 'Nothing new to score');
  if (ranking.unknown !== undefined) lines.push(`${describeUnknown(ranking.unknown)}. They are left out`);
  if (ranking.quarantined > 0) lines.push(describeQuarantine(ranking.quarantined));
  if (result.withoutDocuments.empty > 0) lines.push(describeEmpty(result.withoutDocuments.empty));
  for (const warning of result.warnings) lines.push(`Warning: ${warning}`);
  for (const note of result.notes) lines.push(`Note: ${note}`);
  lines.push(`Files: ${result.folder}`);
  return [
    ...lines,
    ...describeDrift(result.drift ?? undefined),
    ...(prediction === null ? [] : ['', describePrediction(prediction)]),
  ].join('\n');
}

/** What was scored before: whole shards, or documents of those scored now. */
function describeReused({ documents, unknown }: Ranking, scores: RankResult['scores']): string {
  if (scores.shardsReused > 0) return `; ${scores.shardsReused} reused`;
  const before = documents + addUpUnknown(unknown).documents - scores.documents;
  return before > 0 ? `; ${formatCountOf(before, 'document')} scored before` : '';
}

/** The drift as text; no lines if nothing changed that the figures show. */
export function describeDrift(drift: Drift | undefined): string[] {
  if (drift === undefined) return [];
  const { scores, sources } = drift.whole;
  const [most] = sources;
  const parts: string[] = [];
  if (scores === null) parts.push('made with another classifier, so scores cannot be compared');
  else {
    const [psi, ks] = [scores.psi.toFixed(3), scores.ks.toFixed(3)];
    if (psi !== '0.000' || ks !== '0.000') parts.push(`PSI of the scores ${psi}, largest distance ${ks}`);
  }
  if (most !== undefined) {
    const [before, now] = [formatShare(most.before), formatShare(most.now)];
    if (before !== now) parts.push(`source "${most.source}" from ${before} to ${now} of the tokens`);
  }
  return [
    ...(parts.length === 0 ? [] : [`Drift since ${drift.from}: ${parts.join('; ')}`]),
    ...drift.over.map((sentence) => `  over its threshold: ${sentence}`),
  ];
}
