// The files that reference models learn from and judge: for each split, one half of the pairs in each of two files.

import { join } from 'node:path';
import { BIGINT, INTEGER } from '../../data/duckdb/library.ts';
import { sqlString } from '../../data/duckdb/duckdb.ts';
import { appendColumns, withSpillingDuckDb } from '../../data/duckdb/run-files.ts';
import { commitFile } from '../../data/files/commit.ts';
import type { Run } from '../../run/run.ts';
import type { PairSplits } from '../folds.ts';
import { type PairSet, pairTable } from '../set.ts';

/** The two halves of a split. */
export const halfNames = ['a', 'b'] as const;

export function halfFile(folder: string, split: number, half: number): string {
  return join(folder, `${split}${halfNames[half] ?? ''}.jsonl.gz`);
}

/**
 * Writes every half of every split into `folder`, as the worker reads them. With `chat`, plain text becomes messages.
 * Errors: DISK_FULL, WRITE_FAILED.
 */
export async function writeHalves(
  run: Run,
  set: PairSet,
  { halves }: PairSplits,
  folder: string,
  chat: boolean,
): Promise<void> {
  await withSpillingDuckDb(run.files.spill, async (connection) => {
    const columns = halves.map((_, split) => `split${split}`);
    await connection.run(
      `CREATE TABLE halves (pair BIGINT, ${columns.map((name) => `${name} INTEGER`).join(', ')})`,
    );
    const appender = await connection.createAppender('halves');
    appendColumns(appender, [BIGINT, ...halves.map(() => INTEGER)], set.card.pairs, (column, from, to) =>
      column === 0
        ? Array.from({ length: to - from }, (_, i) => BigInt(from + i))
        : Array.from(halves[column - 1]?.subarray(from, to) ?? []),
    );
    appender.closeSync();
    for (const [split, column] of columns.entries())
      for (const half of halfNames.keys())
        await commitFile(halfFile(folder, split, half), async (temporary) => {
          await connection.run(
            `COPY (SELECT ${sqlPairRow(chat)} FROM ${pairTable(set)} JOIN halves USING (pair) WHERE ` +
              `${column} = ${half}) TO ${sqlString(temporary)} (FORMAT json, COMPRESSION gzip, USE_TMP_FILE ` +
              'false)',
          );
        });
  });
}

/** A row of the worker: id, prompt, chosen and rejected, each a text or a list of messages. */
export function sqlPairRow(chat: boolean): string {
  const value = (column: string, role: string): string => {
    const text = chat ? `to_json([{role: '${role}', content: ${column}}])` : `to_json(${column})`;
    return `CASE WHEN form = 'messages' THEN ${column}::JSON ELSE ${text} END AS ${column}`;
  };
  const parts = [value('prompt', 'user'), value('chosen', 'assistant'), value('rejected', 'assistant')];
  return ['id', ...parts, 'tools::JSON AS tools'].join(', ');
}
