// Documents that a judge gives no score, counted by reason.

/** The number of judgments without a score, by reason. */
export function countUnknown(
  judged: readonly { score: number | null; reason: string | null }[],
): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { score, reason } of judged)
    if (score === null) counts[reason ?? 'unknown'] = (counts[reason ?? 'unknown'] ?? 0) + 1;
  return counts;
}

/** The sum over all reasons. */
export function sumUnknown(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}
