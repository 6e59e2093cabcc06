// Shows a document of a ranking by any scorer: its score and place, or why it has no score, and what else the
// scorer recorded about it. Scores that a classifier made of n-grams are explained in why.ts.

import { join } from 'node:path';
import { z } from 'zod';
import { count } from '../../run/schemas.ts';
import { parquetSource, sqlName, sqlString } from '../../data/duckdb/duckdb.ts';
import { queryRows, sqlList } from '../../data/duckdb/rows.ts';
import { BetrError, fail } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import type { RankingSource } from '../budget/answer.ts';
import type { Question } from '../budget/question.ts';
import type { Ranking } from '../generation.ts';
import { findDocument } from '../list-documents.ts';
import { type Place, placeDocument } from '../percentile.ts';
import { withRunDatabase } from '../../data/duckdb/run-database.ts';
import { findShardName } from '../shards.ts';
import { aim, generationOf } from './aim.ts';
import type { ShownText } from './shown-text.ts';
import type { TextThread } from './text-thread.ts';

export interface ShownDocument {
  ranking: ReturnType<typeof generationOf>;
  document: string;
  shard: string;
  row: number;
  source: string;
  tokens: number;
  /** Null if it has none, and then `unknown` says why. */
  score: number | null;
  unknown: string | null;
  /** What the scorer recorded beside the score. */
  details: Record<string, number | null>;
  /** Null without a score. */
  place: Place | null;
  /** Null without a score, or if no cutoff was requested. */
  kept: boolean | null;
  text: ShownText;
}

const partRow = z.object({
  document: z.string(),
  source: z.string(),
  tokens: count,
  score: z.number().nullable(),
  unknown: z.string().nullable(),
  details: sqlList(z.number().nullable()),
});

/**
 * Shows the document at a row of a shard. Errors: SHARD_UNKNOWN, DOCUMENT_UNKNOWN, those of `answerBudget`
 * and of reading the text.
 */
export async function showDocument(
  run: Run,
  source: RankingSource,
  texts: TextThread,
  asked: { shard: string; row: number; characters: number },
  question: Question,
): Promise<ShownDocument> {
  const shard = findShardName(source.ranking, asked.shard);
  const { ranking, cutoff } = await aim(source, question);
  const found = await readRow(run, ranking, shard, asked.row);
  const ranked = found.score === null ? null : await findDocument(run, ranking, shard, asked.row, cutoff);
  const [text] = await texts.readHeads(ranking, [{ shard, row: asked.row }], asked.characters);
  if (text === undefined || text instanceof BetrError)
    throw text ?? fail('DOCUMENT_UNKNOWN', { shard, row: asked.row });
  return {
    ranking: generationOf(ranking),
    document: found.document,
    shard,
    row: asked.row,
    source: found.source,
    tokens: found.tokens,
    score: ranked?.score ?? null,
    unknown: found.unknown,
    details: Object.fromEntries(
      (ranking.scorer.details ?? []).map((name, i) => [name, found.details[i] ?? null]),
    ),
    place: ranked === null ? null : await placeDocument(run, ranking, ranked),
    kept: ranked?.kept ?? null,
    text,
  };
}

async function readRow(
  run: Run,
  { parts, scorer: { details } }: Ranking,
  shard: string,
  row: number,
): Promise<z.output<typeof partRow>> {
  const files = parts
    .filter(({ covers }) => covers.some((rows) => rows.shard === shard))
    .map(({ file }) => join(run.files.scores, file));
  const columns =
    details === undefined
      ? 'NULL::VARCHAR AS unknown, []::FLOAT[] AS details'
      : `unknown, [${details.map(sqlName).join(', ')}]::FLOAT[] AS details`;
  const [found] = await withRunDatabase(run, (connection) =>
    queryRows(
      connection,
      `SELECT document, source, tokens::DOUBLE AS tokens, score, ${columns} FROM ${parquetSource(files)} ` +
        `WHERE shard = ${sqlString(shard)} AND "row" = ${row}::BIGINT LIMIT 1`,
      partRow,
    ),
  );
  if (found === undefined) throw fail('DOCUMENT_UNKNOWN', { shard, row });
  return found;
}
