// The documents on which selections are compared, as one table: every scorer's score, which selections keep
// the document, and whether it is held out. A large corpus is compared on whole shards, drawn by a seeded
// hash of their names until every selection has enough text.

import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { sqlName, sqlString } from '../data/duckdb/duckdb.ts';
import { fail } from '../run/errors/errors.ts';
import type { Run } from '../run/run.ts';
import type { Fitting } from '../scoring/scorers/list.ts';
import { findCutoff, keptCondition } from '../ranking/cutoff.ts';
import type { Ranking } from '../ranking/generation.ts';
import { scoresTable } from '../ranking/scores.ts';
import { queryRows, sqlList } from '../data/duckdb/rows.ts';

/** The ranking of the corpus that a scorer is measured by. */
export interface Contestant {
  scorer: string;
  /** The scorer of that ranking: the same, or its cross-fitted one. */
  by: string;
  fitting: Fitting;
  run: Run;
  ranking: Ranking;
}

export interface SelectionKey {
  scorer: string;
  /** Share of the tokens. */
  keep: number;
}

export interface Contest {
  /** By selection number; the last is no filter. */
  selections: SelectionKey[];
  shards: string[];
}

/** No filter at all: every document is kept. */
export const noFilter = 'no filter';
/** This share of all documents is held out from every selection. */
const heldOutShare = 0.02;
/**
 * Corpus tokens required per training word: most corpora have more tokens than words, and counts may be
 * estimates.
 */
export const tokensPerWord = 2;

/**
 * Columns of the table `documents`: whether selection `index` keeps the document, and its score by
 * contestant `index`.
 */
export const keptColumn = (index: number): string => `kept_${index}`;
export const scoreColumn = (index: number): string => `score_${index}`;

/**
 * Creates the table `documents`: shard, row, document, source, tokens, winner (the benchmark with the best
 * percentile by the first contestant; null if it has no outputs for single benchmarks), chance (seeded, the
 * same for equal keys), held_out, and the columns named above. Errors: those of `findCutoff`; OPTION_INVALID
 * if a selection keeps nothing.
 */
export async function openContest(
  connection: DuckDBConnection,
  contestants: readonly Contestant[],
  keeps: readonly number[],
  options: { seed: number; trainWords: number },
): Promise<Contest> {
  const cuts: (SelectionKey & { condition: string })[] = [];
  for (const { scorer, run, ranking } of contestants)
    for (const keep of keeps)
      cuts.push({ scorer, keep, condition: keptCondition(await findCutoff(run, ranking, keep)) });
  const cutsOf = (index: number): typeof cuts => cuts.slice(index * keeps.length, (index + 1) * keeps.length);
  const kept: Map<string, number[]>[] = [];
  for (const [index, { run, ranking }] of contestants.entries())
    kept.push(await countKept(connection, scoresTable(run, ranking), cutsOf(index)));
  const shards = await drawShards(connection, kept, tokensPerWord * options.trainWords, options.seed);
  for (const [index, { run, ranking }] of contestants.entries()) {
    const columns = [
      'shard',
      '"row"',
      `score AS ${scoreColumn(index)}`,
      ...cutsOf(index).map(({ condition }, i) => `${condition} AS ${keptColumn(index * keeps.length + i)}`),
    ];
    if (index === 0)
      columns.push(
        'document',
        'source',
        'tokens::DOUBLE AS tokens',
        `${winnerOf(ranking)} AS winner`,
        `('0x' || left(md5(${sqlString(`${options.seed}\n`)} || document), 12))::BIGINT / ${16 ** 12} AS chance`,
      );
    await connection.run(
      `CREATE TABLE scored_${index} AS SELECT ${columns.join(', ')} FROM ${scoresTable(run, ranking)} ` +
        `WHERE shard IN (${shards.map(sqlString).join(', ')})`,
    );
  }
  const all = contestants.map((_, index) => `scored_${index}`);
  await connection.run(
    `CREATE TABLE documents AS SELECT *, chance < ${heldOutShare} AS held_out, true ` +
      `AS ${keptColumn(cuts.length)} ` +
      `FROM ${all.join(' JOIN ').replace(/(scored_[1-9]\d*)/g, '$1 USING (shard, "row")')}`,
  );
  for (const table of all) await connection.run(`DROP TABLE ${table}`);
  return {
    selections: [...cuts.map(({ scorer, keep }) => ({ scorer, keep })), { scorer: noFilter, keep: 1 }],
    shards,
  };
}

/** Tokens that each of a ranking's cuts keeps, by shard. Errors: OPTION_INVALID if one keeps nothing. */
async function countKept(
  connection: DuckDBConnection,
  table: string,
  cuts: readonly (SelectionKey & { condition: string })[],
): Promise<Map<string, number[]>> {
  const sums = cuts.map(({ condition }) => `coalesce(sum(tokens) FILTER (${condition}), 0)`);
  const rows = await queryRows(
    connection,
    `SELECT shard, [${sums.join(', ')}]::DOUBLE[] AS kept FROM ${table} GROUP BY shard`,
    z.object({ shard: z.string(), kept: sqlList(z.number()) }),
  );
  const empty = cuts.find((_, i) => rows.every(({ kept }) => kept[i] === 0));
  if (rows.length > 0 && empty !== undefined)
    throw fail('OPTION_INVALID', {
      option: '--keep',
      got: String(empty.keep),
      allowed: `a share large enough for a document: the best document by ${empty.scorer} is larger`,
    });
  return new Map(rows.map(({ shard, kept }) => [shard, kept]));
}

/** Shards that every ranking has, in a seeded order, until every cut keeps `neededTokens` tokens of them. */
async function drawShards(
  connection: DuckDBConnection,
  kept: readonly ReadonlyMap<string, readonly number[]>[],
  neededTokens: number,
  seed: number,
): Promise<string[]> {
  const common = [...(kept[0]?.keys() ?? [])].filter((shard) => kept.every((of) => of.has(shard)));
  if (common.length === 0) return [];
  const ordered = await queryRows(
    connection,
    `SELECT shard FROM (VALUES ${common.map((shard) => `(${sqlString(shard)})`).join(', ')}) AS t ` +
      `(shard) ORDER BY md5(${sqlString(`${seed}\n`)} || shard)`,
    z.object({ shard: z.string() }),
  );
  const drawn: string[] = [];
  const sums = kept.map((of) => (of.get(common[0] ?? '') ?? []).map(() => 0));
  for (const { shard } of ordered) {
    if (sums.flat().every((sum) => sum >= neededTokens)) break;
    drawn.push(shard);
    for (const [index, of] of kept.entries())
      sums[index] = (sums[index] ?? []).map((sum, i) => sum + (of.get(shard)?.[i] ?? 0));
  }
  return drawn.sort();
}

/** SQL of the benchmark by whose own score the document has the highest percentile. */
function winnerOf(ranking: Ranking): string {
  const benchmarks = ranking.scorer.outputs.slice(1);
  if (benchmarks.length === 0) return 'NULL::VARCHAR';
  const place = (benchmark: string): string =>
    `percent_rank() OVER (ORDER BY ${sqlName(`score_${benchmark}`)})`;
  const cases = benchmarks.map((benchmark) => `WHEN ${place(benchmark)} THEN ${sqlString(benchmark)}`);
  return `CASE greatest(${benchmarks.map(place).join(', ')}) ${cases.join(' ')} END`;
}
