// Reports what drifted beyond the limits of the settings.

import type { Settings } from '../run/settings.ts';
import { formatCount, formatFlops, formatShare } from '../run/amounts.ts';
import type { Ranking } from './generation.ts';
import type { Comparison } from './drift.ts';

/** A partly mounted corpus folder shows in nothing but its size. */
export function describeLoss(before: Ranking, now: Ranking, { lostDocuments }: Settings['drift']): string[] {
  if (now.documents >= before.documents * (1 - lostDocuments)) return [];
  return [
    `there are ${formatCount(now.documents)} documents instead of ${formatCount(before.documents)}, ` +
      `a loss of more than ${formatShare(lostDocuments)}`,
  ];
}

export function listOver(of: string, { scores, sources }: Comparison, limits: Settings['drift']): string[] {
  const over: string[] = [];
  if (scores !== null && scores.psi > limits.psi)
    over.push(`${of}the scores' PSI is ${scores.psi.toPrecision(3)}, above ${limits.psi}`);
  for (const { flops, before, now } of scores?.budgets ?? []) {
    const change = Math.abs(now / before - 1);
    if (change > limits.keepRate)
      over.push(
        `${of}the last cutoff for ${formatFlops(flops)} FLOPs keeps ${formatShare(now)} instead ` +
          `of ${formatShare(before)}, a change of more than ${formatShare(limits.keepRate)}`,
      );
  }
  for (const { source, before, now } of sources) {
    if (Math.abs(now - before) > limits.sourceShare)
      over.push(
        `${of}source "${source}" has ${formatShare(now)} of the tokens instead ` +
          `of ${formatShare(before)}, a change of more than ${formatShare(limits.sourceShare)}`,
      );
  }
  return over;
}
