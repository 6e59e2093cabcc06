// Writes what the models of a trial learn from and are measured on: a file of pairs for each arm, the held-out pairs,
// and prompts to answer.

import { join } from 'node:path';
import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { parquetSource, sqlString } from '../../data/duckdb/duckdb.ts';
import { BIGINT, BOOLEAN, INTEGER } from '../../data/duckdb/library.ts';
import { queryRows } from '../../data/duckdb/rows.ts';
import { appendColumns } from '../../data/duckdb/run-files.ts';
import { commitFile } from '../../data/files/commit.ts';
import { sha256File } from '../../data/files/hash-files.ts';
import { type CutOrder, sqlCut } from '../../pairs/cut.ts';
import type { Measurement } from '../../pairs/measurement.ts';
import { sqlPairRow } from '../../pairs/models/inputs.ts';
import { type PairSet, pairTable } from '../../pairs/set.ts';
import { fail } from '../../run/errors/errors.ts';
import { heldOutFile, keepId, promptsFile } from './jobs.ts';
import type { HeldOutPairs } from './held-out.ts';
import { allArm, type PairArm } from './plan-file.ts';

export interface Sources {
  connection: DuckDBConnection;
  set: PairSet;
  measurement: Measurement;
  /** The trial's. */
  folder: string;
  /** Plain text is written as messages. */
  chat: boolean;
}

/** Known pairs, and those of them that no arm may have because their prompt has words of a test. */
export interface UsablePairs {
  isKnown: Uint8Array;
  isTest: Uint8Array;
  known: number;
  tests: number;
}

export async function readUsable({ connection, set, measurement }: Sources): Promise<UsablePairs> {
  const rows = await queryRows(
    connection,
    `SELECT pair::DOUBLE AS pair, test_item IS NOT NULL AS "isTest" FROM ${pairTable(set)} AS pairs
    JOIN ${parquetSource(measurement.difficulties)} AS measured USING (pair) WHERE difficulty IS NOT NULL`,
    z.object({ pair: z.number(), isTest: z.boolean() }),
  );
  const isKnown = new Uint8Array(set.card.pairs);
  const isTest = new Uint8Array(set.card.pairs);
  for (const row of rows) {
    isKnown[row.pair] = 1;
    isTest[row.pair] = row.isTest ? 1 : 0;
  }
  return { isKnown, isTest, known: rows.length, tests: rows.filter((row) => row.isTest).length };
}

/**
 * Fills the tables `held` (pair, cluster, prompt_turn: which prompt it is, from 1; null for the others) and `pool`
 * (what arms may have, with the columns of the pairs). Returns the pool's size.
 */
export async function divide(
  { connection, set }: Sources,
  groups: Uint32Array,
  usable: UsablePairs,
  held: HeldOutPairs,
): Promise<number> {
  await connection.run(
    'CREATE TABLE divided (pair BIGINT, is_held BOOLEAN, cluster BIGINT, prompt_turn INTEGER)',
  );
  const turns = new Map(held.firsts.map((pair, at) => [pair, at + 1]));
  const pairs = [...usable.isKnown.keys()].filter(
    (pair) => usable.isKnown[pair] === 1 && (held.isHeld[pair] === 1 || usable.isTest[pair] !== 1),
  );
  const appender = await connection.createAppender('divided');
  appendColumns(appender, [BIGINT, BOOLEAN, BIGINT, INTEGER], pairs.length, (column, from, to) =>
    pairs.slice(from, to).map((pair) => {
      if (column === 0) return BigInt(pair);
      if (column === 1) return held.isHeld[pair] === 1;
      return column === 2 ? BigInt(groups[pair] ?? 0) : (turns.get(pair) ?? null);
    }),
  );
  appender.closeSync();
  await connection.run('CREATE TABLE held AS SELECT pair, cluster, prompt_turn FROM divided WHERE is_held');
  await connection.run(
    `CREATE TABLE pool AS SELECT pair, id, source, category, language FROM ${pairTable(set)}
    WHERE pair IN (SELECT pair FROM divided WHERE NOT is_held) ORDER BY pair`,
  );
  return pairs.length - held.count;
}

/** Writes the held-out pairs, each with the group of its prompt. Errors: DISK_FULL, WRITE_FAILED. */
export async function writeHeldOut(sources: Sources): Promise<PairArm['file']> {
  const { set, chat } = sources;
  return writeRows(
    sources,
    heldOutFile,
    `SELECT ${sqlPairRow(chat)}, cluster FROM ${pairTable(set)} AS pairs JOIN held USING (pair) ORDER BY pair`,
  );
}

/** Writes the first `most` prompts; the ids are those of their pairs. Errors: DISK_FULL, WRITE_FAILED. */
export async function writePrompts(
  sources: Sources,
  most: number,
): Promise<{ file: PairArm['file']; prompts: number }> {
  const { connection, set, chat } = sources;
  const from = `FROM ${pairTable(set)} AS pairs JOIN held USING (pair) WHERE prompt_turn <= ${most}`;
  const [row] = await queryRows(
    connection,
    `SELECT count(*)::DOUBLE AS prompts ${from}`,
    z.object({ prompts: z.number() }),
  );
  const file = await writeRows(
    sources,
    promptsFile,
    `SELECT id, prompt FROM (SELECT ${sqlPairRow(chat)}, prompt_turn ${from}) ORDER BY prompt_turn`,
  );
  return { file, prompts: row?.prompts ?? 0 };
}

const armRow = z.object({
  pairs: z.number(),
  difficulty: z.number(),
  chosenCharacters: z.number(),
  rejectedCharacters: z.number(),
});

/** Writes one arm; `seed` draws the random one. Errors: DISK_FULL, WRITE_FAILED. */
export async function writeArm(
  sources: Sources,
  pool: number,
  { kind, keep, seed }: { kind: CutOrder | typeof allArm; keep: number; seed: number },
): Promise<PairArm> {
  const { connection, set, measurement, chat } = sources;
  const pairs = kind === allArm ? pool : Math.round(keep * pool);
  if (pairs === 0) throw fail('PAIRS_NONE_KEPT', { known: pool, asked: `${100 * keep}%` });
  const cut = sqlCut('pool', parquetSource(measurement.difficulties), {
    pairs,
    order: kind === allArm ? 'easiest' : kind,
    seed,
  });
  await connection.run(`CREATE OR REPLACE TABLE arm AS SELECT pair, difficulty FROM (${cut}) WHERE kept`);
  const from = `FROM ${pairTable(set)} AS pairs JOIN arm USING (pair)`;
  const [row] = await queryRows(
    connection,
    `SELECT count(*)::DOUBLE AS pairs, avg(difficulty) AS difficulty,
      avg(chosen_characters)::DOUBLE AS "chosenCharacters", avg(rejected_characters)::DOUBLE AS "rejectedCharacters"
    ${from}`,
    armRow,
  );
  if (row === undefined) throw fail('INTERNAL', { reason: 'an arm without pairs' });
  const isDrawn = kind === 'random';
  const id = kind === allArm ? allArm : `${kind}.${keepId(keep)}${isDrawn ? `.draw${seed}` : ''}`;
  const file = await writeRows(
    sources,
    `${id}.jsonl.gz`,
    // Easiest first, for models that are trained in the order of the file.
    `SELECT ${sqlPairRow(chat)} ${from} ORDER BY difficulty, pair`,
  );
  return { id, kind, keep, seed: isDrawn ? seed : null, ...row, file };
}

async function writeRows(
  { connection, folder }: Sources,
  file: string,
  sql: string,
): Promise<PairArm['file']> {
  const path = join(folder, file);
  const compression = file.endsWith('.gz') ? 'gzip' : 'none';
  await commitFile(path, async (temporary) => {
    await connection.run(
      `COPY (${sql}) TO ${sqlString(temporary)} (FORMAT json, COMPRESSION ${compression}, USE_TMP_FILE false)`,
    );
  });
  return { file, sha256: await sha256File(path) };
}
