// Describes the documents of a ranking that have no score.

import { formatCount, formatCountOf } from '../run/amounts.ts';
import { addUpUnknown, type Unknown } from '../scoring/part.ts';

/** How many documents have no score for which reason, most frequent first: "refused: 12, too-long: 3". */
export function listReasons(unknown: Unknown): string {
  const byReason = new Map<string, number>();
  for (const { reason, documents } of unknown) byReason.set(reason, (byReason.get(reason) ?? 0) + documents);
  return [...byReason]
    .sort(([a, more], [b, less]) => less - more || (a < b ? -1 : 1))
    .map(([reason, documents]) => `${reason}: ${formatCount(documents)}`)
    .join(', ');
}

/** "15 documents (1,234 tokens) have no score (refused: 12, too-long: 3)". */
export function describeUnknown(unknown: Unknown): string {
  const { documents, tokens } = addUpUnknown(unknown);
  return (
    `${formatCountOf(documents, 'document')} (${formatCount(tokens)} tokens) ` +
    `${documents === 1 ? 'has' : 'have'} no score (${listReasons(unknown)})`
  );
}
