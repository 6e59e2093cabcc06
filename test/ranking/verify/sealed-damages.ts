// Damages under correct checksums, which only the content itself shows.

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { ListedPart } from '../../../scoring/part.ts';
import { sqlString, withDuckDb } from '../../../data/duckdb/duckdb.ts';
import type { Run } from '../../../run/run.ts';
import type { Ranking } from '../../../ranking/generation.ts';
import { sha256File } from '../../../data/files/hash-files.ts';
import { type Damage, reseal } from './damages.ts';

export const sealedDamages: Damage[] = [
  [
    'a part without its lowest score',
    (run, ranking) => relist(run, ranking, ([lowest, highest]) => [lowest - 1, highest]),
    /: lowest score should be \S+, found \S+/,
  ],
  [
    'a part without its highest score',
    (run, ranking) => relist(run, ranking, ([lowest, highest]) => [lowest, highest + 1]),
    /: highest score should be \S+, found \S+/,
  ],
  [
    'scores of a part that is to have none',
    (run, ranking) => relist(run, ranking, () => null),
    /: lowest score should be none, found \S+/,
  ],
  [
    'tokens of a part that it does not have',
    (run, ranking) =>
      reseal(run, {
        ...ranking,
        parts: ranking.parts.map((part, i) => (i === 1 ? { ...part, tokens: part.tokens + 1 } : part)),
      }),
    /: tokens should be \d+, found \d+/,
  ],
  [
    'a row twice in place of another, though checksums are right',
    (run, ranking) => rewritePart(run, ranking, 'CASE WHEN number = 2 THEN least ELSE "row" END'),
    /duplicate or out of order/,
  ],
  [
    'a row of another shard, though checksums are right',
    (run, ranking) => rewritePart(run, ranking, '"row"', "CASE WHEN number = 2 THEN 'other' ELSE shard END"),
    /rows of a shard other than/,
  ],
  [
    'a score above all that are listed, though checksums are right',
    (run, ranking) =>
      rewritePart(run, ranking, '"row"', 'shard', '', 'CASE WHEN number = 2 THEN 99::FLOAT ELSE score END'),
    /: highest score should be \S+, found 99/,
  ],
  [
    'a score that is none, though checksums are right',
    (run, ranking) =>
      rewritePart(
        run,
        ranking,
        '"row"',
        'shard',
        '',
        "CASE WHEN number = 2 THEN 'nan'::FLOAT ELSE score END",
      ),
    /scores that are not numbers/,
  ],
  [
    'a score that is missing, though checksums are right',
    (run, ranking) => rewritePart(run, ranking, '"row"', 'shard', '', 'CASE WHEN number <> 2 THEN score END'),
    /: documents should be \d+, found \d+/,
  ],
  [
    'a missing document under correct checksums',
    (run, ranking) => rewritePart(run, ranking, '"row"', 'shard', 'WHERE number <> 2'),
    /: documents should be \d+, found \d+/,
  ],
];

type Scores = ListedPart['scores'];

/** Lists other lowest and highest scores of one part. */
function relist(run: Run, ranking: Ranking, change: (scores: NonNullable<Scores>) => Scores): Promise<void> {
  return reseal(run, {
    ...ranking,
    parts: ranking.parts.map((part, i) =>
      i === 1 && part.scores !== null ? { ...part, scores: change(part.scores) } : part,
    ),
  });
}

/** Writes the second part anew, with other rows or shards in it, and what is listed of its bytes to match. */
async function rewritePart(
  run: Run,
  ranking: Ranking,
  row: string,
  shard = 'shard',
  where = '',
  score = 'score',
): Promise<void> {
  const part = ranking.parts[1];
  const path = join(run.files.scores, part?.file ?? '');
  await withDuckDb({ threads: 1 }, async (connection) => {
    await connection.run(
      'CREATE TABLE part AS SELECT *, row_number() OVER () AS number, min("row") OVER () AS least FROM ' +
        `read_parquet(${sqlString(path)})`,
    );
    await connection.run(
      `COPY (SELECT * EXCLUDE (number, least) REPLACE (${row} AS "row", ${shard} AS shard, ${score} AS ` +
        `score) FROM part ${where}) TO ${sqlString(path)} (FORMAT parquet, COMPRESSION zstd)`,
    );
  });
  const anew = { bytes: (await stat(path)).size, sha256: await sha256File(path) };
  await reseal(run, {
    ...ranking,
    parts: ranking.parts.map((one) => (one === part ? { ...one, ...anew } : one)),
  });
}
