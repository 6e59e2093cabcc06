// What the index card says about the ranks, and the warnings to read before using them.

import { formatShare } from '../run/amounts.ts';
import type { Run } from '../run/run.ts';
import type { Example } from './examples/benchmarks.ts';
import type { ExampleCounts, IndexCard } from './index-card.ts';
import type { BestRanks } from './targets/best-rank.ts';

/** The classifier learns to find the top 10%. */
export function describeRanks(
  best: BestRanks,
  examples: readonly Example[],
  counts: ExampleCounts,
): IndexCard['ranks'] {
  const sampled = best.ranks.length;
  const won = new Map(counts.map(({ benchmark }) => [benchmark, { benchmark, top: 0, all: 0 }]));
  let listed = 0;
  for (const [document, example] of best.examples.entries()) {
    const winner = won.get(examples[example]?.benchmark ?? '');
    if (winner === undefined) continue;
    listed++;
    winner.all++;
    if (Math.round((1 - (best.scores[document] ?? 0)) * sampled) < sampled / 10) winner.top++;
  }
  return { documentsPerExample: sampled / examples.length, listed, winners: [...won.values()] };
}

/**
 * Warnings to read before using the scores. Below 100 documents per example, ties decide (docs/method.md,
 * "Best rank").
 */
export function listWarnings(
  { settings }: Run,
  perExample: number,
  counts: ExampleCounts,
  search: IndexCard['search'],
): string[] {
  const warnings: string[] = [];
  if (perExample < 100) {
    warnings.push(
      `There are only ${perExample.toPrecision(2)} sampled documents per example (the ` +
        "method's paper has about 700): many best ranks tie, so the next-best ranks and the " +
        'cosine decide. Use a larger sample or fewer examples.',
    );
  }
  const [least, next] = counts
    .map(({ benchmark, found, duplicates }) => ({ benchmark, usable: found - duplicates }))
    .sort((a, b) => a.usable - b.usable);
  if (
    settings.examples.equal &&
    least !== undefined &&
    next !== undefined &&
    least.usable < settings.examples.perBenchmark &&
    2 * least.usable <= next.usable
  ) {
    warnings.push(
      `Benchmark "${least.benchmark}" has only ${least.usable} examples, so every benchmark ` +
        `gives ${least.usable}. To use more, leave it out or set examples.equal to false.`,
    );
  }
  if (search.approximate) {
    warnings.push(
      'The ranks are approximate: the lists come from the HNSW index, which finds ' +
        `${formatShare(search.hnsw.recall)} of the true nearest ` +
        `${search.hnsw.nearest}. For exact ranks, set search.method to exact.`,
    );
  }
  return warnings;
}
