// The documents on which selections are compared, as one table: every scorer's scores side by side, which selection keeps what, and what is held out.
// A corpus of any size is compared on whole shards, drawn by a seeded hash of their names until they hold enough text.

import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { sqlName, sqlString } from '../../data/duckdb.ts';
import type { Run } from '../../data/run.ts';
import { findCutoff, keptCondition } from '../cutoff.ts';
import type { Ranking } from '../generation.ts';
import { queryRows, scoresTable } from '../scores.ts';

/** A scorer's ranking of the corpus. */
export interface Contestant {
  scorer: string;
  run: Run;
  ranking: Ranking;
}

export interface SelectionKey {
  scorer: string;
  /** Share of the tokens. */
  keep: number;
}

export interface Contest {
  /** By their numbers; the last is no filter. */
  selections: SelectionKey[];
  shards: string[];
}

/** No filter at all: every document is kept. */
export const noFilter = 'no filter';
/** Of all documents this share is held out from every selection. */
const heldOutShare = 0.02;
/** Corpus tokens asked for each word to be trained on: there are more tokens than words in most corpora, and counts may be estimates. */
export const tokensPerWord = 2;

/** Columns of the table `documents`: whether selection `index` keeps a document, and its score by contestant `index`. */
export const keptColumn = (index: number): string => `kept_${index}`;
export const scoreColumn = (index: number): string => `score_${index}`;

/**
 * Makes the table `documents`: shard, row, document, source, tokens, winner (the benchmark with the best percentile by the first contestant; null where it
 * has no outputs of single benchmarks), chance (seeded, the same for equal keys), held_out, and the columns named above. Errors: those of `findCutoff`.
 */
export async function openContest(connection: DuckDBConnection, contestants: readonly Contestant[], keeps: readonly number[], options: { seed: number; trainWords: number }): Promise<Contest> {
  const shards = await drawShards(connection, contestants, (tokensPerWord * options.trainWords) / Math.min(...keeps), options.seed);
  const selections: SelectionKey[] = [];
  for (const [index, { scorer, run, ranking }] of contestants.entries()) {
    const columns = ['shard', '"row"', `score AS ${scoreColumn(index)}`];
    for (const keep of keeps) {
      columns.push(`${keptCondition(await findCutoff(run, ranking, keep))} AS ${keptColumn(selections.length)}`);
      selections.push({ scorer, keep });
    }
    if (index === 0) columns.push('document', 'source', 'tokens::DOUBLE AS tokens', `${winnerOf(ranking)} AS winner`, `('0x' || left(md5(${sqlString(`${options.seed}\n`)} || document), 12))::BIGINT / ${16 ** 12} AS chance`);
    await connection.run(`CREATE TABLE scored_${index} AS SELECT ${columns.join(', ')} FROM ${scoresTable(run, ranking)} WHERE shard IN (${shards.map(sqlString).join(', ')})`);
  }
  const all = contestants.map((_, index) => `scored_${index}`);
  await connection.run(`CREATE TABLE documents AS SELECT *, chance < ${heldOutShare} AS held_out, true AS ${keptColumn(selections.length)} FROM ${all.join(' JOIN ').replace(/(scored_[1-9]\d*)/g, '$1 USING (shard, "row")')}`);
  for (const table of all) await connection.run(`DROP TABLE ${table}`);
  return { selections: [...selections, { scorer: noFilter, keep: 1 }], shards };
}

const shardRow = z.object({ shard: z.string(), tokens: z.number() });

/** Shards that every ranking has, in a seeded order, until they have the tokens that are needed. */
async function drawShards(connection: DuckDBConnection, contestants: readonly Contestant[], neededTokens: number, seed: number): Promise<string[]> {
  const rankings = contestants.map(({ ranking }) => new Set(ranking.parts.map(({ shard }) => shard)));
  const tokens = new Map<string, number>();
  for (const part of contestants[0]?.ranking.parts ?? []) {
    if (rankings.every((ranking) => ranking.has(part.shard))) tokens.set(part.shard, (tokens.get(part.shard) ?? 0) + part.tokens);
  }
  if (tokens.size === 0) return [];
  const values = [...tokens].map(([shard, count]) => `(${sqlString(shard)}, ${count})`);
  const ordered = await queryRows(connection, `SELECT shard, tokens::DOUBLE AS tokens FROM (VALUES ${values.join(', ')}) AS t (shard, tokens) ORDER BY md5(${sqlString(`${seed}\n`)} || shard)`, shardRow);
  const drawn: string[] = [];
  let sum = 0;
  for (const { shard, tokens: shardTokens } of ordered) {
    if (sum >= neededTokens) break;
    drawn.push(shard);
    sum += shardTokens;
  }
  return drawn.sort();
}

/** SQL of the benchmark whose own score stands highest among all documents' by that benchmark. */
function winnerOf(ranking: Ranking): string {
  const benchmarks = ranking.scorer.outputs.slice(1);
  if (benchmarks.length === 0) return 'NULL::VARCHAR';
  const place = (benchmark: string): string => `percent_rank() OVER (ORDER BY ${sqlName(`score_${benchmark}`)})`;
  return `CASE greatest(${benchmarks.map(place).join(', ')}) ${benchmarks.map((benchmark) => `WHEN ${place(benchmark)} THEN ${sqlString(benchmark)}`).join(' ')} END`;
}
