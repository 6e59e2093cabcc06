// Reads and checks rankings of many small shards.

import { createHash } from 'node:crypto';
import { readdir, readFile, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { ListedPart } from '../../scoring/part.ts';
import { sqlString, withDuckDb } from '../../data/duckdb/duckdb.ts';
import { silent } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import type { Ranking } from '../../ranking/generation.ts';
import { withScores } from '../../ranking/scores.ts';
import { verifyRanking } from '../../ranking/verify/verify.ts';
import { time } from '../ranking/small-shards.ts';
import { queryRows } from '../../data/duckdb/rows.ts';

export async function addParquet(folder: string, name: string, lines: string): Promise<void> {
  const [from, path] = [join(folder, 'rows.jsonl'), join(folder, 'corpus', name)];
  await writeFile(from, lines.replaceAll('{"id": "cut short\n', '\n'));
  await withDuckDb({ threads: 1 }, (connection) =>
    connection.run(
      `COPY (SELECT id, text, source, tokens FROM read_json(${sqlString(from)}, format = ` +
        `'newline_delimited', columns = {id: 'VARCHAR', text: 'VARCHAR', source: 'VARCHAR', tokens: ` +
        `'BIGINT'})) TO ${sqlString(path)} (FORMAT parquet)`,
    ),
  );
  await utimes(path, time, time);
}

const scoredRow = z.object({
  shard: z.string(),
  row: z.number(),
  document: z.string(),
  source: z.string(),
  tokens: z.number(),
  score: z.number(),
});

/** Every row with its score, in an order that says nothing of parts. */
export function readRows(run: Run, ranking: Ranking): Promise<z.output<typeof scoredRow>[]> {
  return withScores(run, ranking, (connection, table) =>
    queryRows(
      connection,
      'SELECT shard, "row"::DOUBLE AS "row", document, source, tokens::DOUBLE AS tokens, score ' +
        `FROM ${table} ORDER BY shard, "row"`,
      scoredRow,
    ),
  );
}

export const problemsOf = async (run: Run): Promise<string[]> =>
  (await verifyRanking(run, { corpus: true }, silent)).problems;

export const packsOf = (ranking: Ranking): ListedPart[] =>
  ranking.parts.filter(({ covers }) => covers.length > 1);

export async function hashScores({ files }: Run): Promise<string> {
  const hash = createHash('sha256');
  for (const folder of [files.scores, files.manifest, files.quarantine])
    for (const name of (await readdir(folder)).sort())
      hash.update(name).update(await readFile(join(folder, name)));
  return hash.digest('hex');
}
