// Writes the sample's scores by their nearest examples to targets.parquet, and the reason for each score.

import { DOUBLE, FLOAT, INTEGER, VARCHAR } from '../../data/duckdb/library.ts';
import { z } from 'zod';
import type { Run } from '../../run/run.ts';
import type { Example } from '../examples/benchmarks.ts';
import { type BestRanks, type ExampleRange, rankByBest } from './best-rank.ts';
import type { NearestLists } from '../search/exact.ts';
import { mostSingleBenchmarks } from '../index-card.ts';
import { type TargetColumn, writeTargetsFile } from './targets-file.ts';

export const targetsNoteSchema = z.object({ from: z.string() });

/**
 * Scores the sample and writes the targets to `path` in sample order: document, score (1 for the best, 0 if
 * no list has it), best_rank, benchmark, example and cosine of the winning example (null if no list has it),
 * and score_NAME by each benchmark's own examples for at most 16 benchmarks. `keys` are the sample's
 * documents; `from` is the fingerprint of the inputs. Returns the joint ranks. Errors: DISK_FULL,
 * WRITE_FAILED.
 */
export async function writeTargets(
  { files }: Run,
  path: string,
  keys: readonly string[],
  examples: readonly Example[],
  lists: NearestLists,
  from: string,
): Promise<BestRanks> {
  const joint = rankByBest(lists, keys);
  const winner = (document: number): Example | undefined => examples[joint.examples[document] ?? -1];
  const columns: TargetColumn<number>[] = [
    { name: 'document', type: VARCHAR, valueOf: (document) => keys[document] ?? '' },
    { name: 'score', type: DOUBLE, valueOf: (document) => joint.scores[document] ?? 0 },
    { name: 'best_rank', type: INTEGER, valueOf: (document) => joint.ranks[document] || null },
    { name: 'benchmark', type: VARCHAR, valueOf: (document) => winner(document)?.benchmark ?? null },
    { name: 'example', type: VARCHAR, valueOf: (document) => winner(document)?.example ?? null },
    {
      name: 'cosine',
      type: FLOAT,
      valueOf: (document) => (winner(document) === undefined ? null : (joint.cosines[document] ?? null)),
    },
    ...singleScores(keys, examples, lists),
  ];
  await writeTargetsFile(files.spill, path, columns, [...keys.keys()], { from });
  return joint;
}

function singleScores(
  keys: readonly string[],
  examples: readonly Example[],
  lists: NearestLists,
): TargetColumn<number>[] {
  const ranges = benchmarkRanges(examples);
  if (ranges.size > mostSingleBenchmarks) return [];
  return [...ranges].map(([benchmark, range]) => {
    const { scores } = rankByBest(lists, keys, range);
    return { name: `score_${benchmark}`, type: DOUBLE, valueOf: (document) => scores[document] ?? 0 };
  });
}

/** The range of each benchmark's examples; they are ordered by benchmark. */
export function benchmarkRanges(examples: readonly Example[]): Map<string, ExampleRange> {
  const ranges = new Map<string, ExampleRange>();
  for (const [at, { benchmark }] of examples.entries())
    ranges.set(benchmark, { from: ranges.get(benchmark)?.from ?? at, to: at + 1 });
  return ranges;
}
