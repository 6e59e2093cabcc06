// `targets.parquet`: a score for every sampled document, and the reason for it. Other scorers can plug in
// here: anything that writes (document, score) to this file gets the classifier, the ranking and the cutoffs.

import type { DuckDBType, DuckDBValue } from '@duckdb/node-api';
import { DOUBLE, FLOAT, INTEGER, VARCHAR } from '../../data/duckdb/library.ts';
import { z } from 'zod';
import { sqlName } from '../../data/duckdb/duckdb.ts';
import type { Run } from '../../run/run.ts';
import type { Example } from '../examples/benchmarks.ts';
import { type BestRanks, type ExampleRange, rankByBest } from './best-rank.ts';
import type { NearestLists } from '../search/exact.ts';
import { appendColumns, withSpillingDuckDb, writeParquet } from '../../data/duckdb/run-files.ts';
import { mostSingleBenchmarks } from '../index-card.ts';

export const targetsNoteSchema = z.object({ from: z.string() });

interface Column {
  name: string;
  type: DuckDBType;
  valueOf: (document: number) => DuckDBValue;
}

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
  const columns: Column[] = [
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
  await withSpillingDuckDb(files.spill, async (connection) => {
    await connection.run(
      `CREATE TABLE targets (${columns.map(({ name, type }) => `${sqlName(name)} ${type.toString()}`).join(', ')})`,
    );
    const appender = await connection.createAppender('targets');
    appendColumns(
      appender,
      columns.map(({ type }) => type),
      keys.length,
      (column, start, end) =>
        Array.from({ length: end - start }, (_, i) => columns[column]?.valueOf(start + i) ?? null),
    );
    appender.closeSync();
    await writeParquet(connection, 'SELECT * FROM targets', path, { from });
  });
  return joint;
}

function singleScores(keys: readonly string[], examples: readonly Example[], lists: NearestLists): Column[] {
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
