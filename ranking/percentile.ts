// Where a score stands among all documents of the ranking, counted exactly: the histogram counts the better
// bins, so only the score's own bin is read.

import { z } from 'zod';
import { count } from '../run/schemas.ts';
import { binFloor, scoreBin } from '../scoring/part.ts';
import { sqlName, sqlString } from '../data/duckdb/duckdb.ts';
import type { Run } from '../run/run.ts';
import type { Cutoff } from './cutoff.ts';
import type { RankedDocument } from './ranked-document.ts';
import type { Ranking } from './generation.ts';
import { withScores } from './scores.ts';
import { queryRows, sqlList, sqlScore } from '../data/duckdb/rows.ts';

export const standingSchema = z.strictObject({
  /** Share of the ranking's documents with a lower score, as a fraction. */
  percentile: z.number(),
  /** Documents of the ranking with a higher score, and their tokens as a share of all. */
  documentsAbove: count,
  tokensAbove: z.number(),
});
export type Standing = z.output<typeof standingSchema>;

/** Where scores (float32 values) stand, in the same order. Errors: those of `withScores`. */
export async function placeScores(
  run: Run,
  ranking: Ranking,
  scores: readonly number[],
): Promise<Standing[]> {
  const places = await countAround(
    run,
    ranking,
    [...new Set(scores)].map((score) => ({ score, better: `score > ${sqlScore(score)}` })),
  );
  const byScore = new Map(places.map((place) => [place.score, place]));
  return scores.map((score) => {
    const { documents, tokens, equal } = byScore.get(score) ?? { documents: 0, tokens: 0, equal: 0 };
    return {
      percentile: (ranking.documents - documents - equal) / ranking.documents,
      documentsAbove: documents,
      tokensAbove: shareOf(tokens, ranking),
    };
  });
}

export const placeSchema = z.strictObject({
  /** 1 is the best; keys decide among equal scores, as for the cutoff. */
  rank: z.number().int().positive(),
  of: count,
  /** Share of the ranking's documents with a lower score, as a fraction. */
  percentile: z.number(),
  /** The document is kept from this share of the tokens up: its own tokens and those of all before it. */
  keptFrom: z.number(),
});
export type Place = z.output<typeof placeSchema>;

/** A document's place in the ranking. Errors: those of `withScores`. */
export async function placeDocument(
  run: Run,
  ranking: Ranking,
  {
    score,
    document,
    shard,
    row,
    tokens,
  }: Pick<RankedDocument, 'score' | 'document' | 'shard' | 'row' | 'tokens'>,
): Promise<Place> {
  const value = sqlScore(score);
  const [ahead, above] = await countAround(run, ranking, [
    {
      score,
      better:
        `(score > ${value} OR (score = ${value} AND (document, shard, "row") < ` +
        `(${sqlString(document)}, ${sqlString(shard)}, ${row}::BIGINT)))`,
    },
    { score, better: `score > ${value}` },
  ]);
  const { documents = 0, tokens: before = 0 } = ahead ?? {};
  const { documents: higher = 0, equal = 0 } = above ?? {};
  return {
    rank: documents + 1,
    of: ranking.documents,
    percentile: (ranking.documents - higher - equal) / ranking.documents,
    keptFrom: shareOf(before + tokens, ranking),
  };
}

/**
 * Whether a cutoff keeps a text that is not in the corpus. It has no key to decide among equal scores, so at
 * exactly the score of such a cut it is not kept.
 */
export function keepsScore({ score, last }: Pick<Cutoff, 'score' | 'last'>, asked: number): boolean {
  return score !== null && (asked > score || (asked === score && last === null));
}

/**
 * The scores of texts in a ranking: the joint ones, or with chosen benchmarks the best percentile among them,
 * computed as for the ranking's documents (ranking/order/combine.ts). `scores` has one list for each text, in
 * the order of the scorer's outputs. Errors: those of `withScores`.
 */
export async function scoreInRanking(
  run: Run,
  ranking: Ranking,
  scores: readonly (readonly number[])[],
): Promise<number[]> {
  const { chosen, ...published } = ranking;
  if (chosen === undefined) return scores.map(([joint = 0]) => joint);
  const columns = chosen.benchmarks.map((name) => ({
    column: sqlName(`score_${name}`),
    output: ranking.scorer.outputs.indexOf(name),
  }));
  const above = columns.flatMap(({ column, output }) =>
    scores.map((own) => `count(*) FILTER (${column} > ${sqlScore(own[output] ?? 0)})`),
  );
  const [row] = await withScores(run, published, (connection, table) =>
    queryRows(
      connection,
      `SELECT [${above.join(', ')}]::DOUBLE[] AS above FROM ${table}`,
      z.object({ above: sqlList(count) }),
    ),
  );
  return scores.map((_own, text) => {
    const best = Math.min(
      ...columns.map((_benchmark, i) => row?.above[i * scores.length + text] ?? ranking.documents),
    );
    return Math.fround((ranking.documents - best) / ranking.documents);
  });
}

function shareOf(tokens: number, ranking: Ranking): number {
  return ranking.tokens === 0 ? 0 : tokens / ranking.tokens;
}

interface Question {
  score: number;
  /** SQL condition for the documents before it within the score's own bin. */
  better: string;
}

/** For each question: the better documents and their tokens, and the documents with exactly its score. */
async function countAround(
  run: Run,
  ranking: Ranking,
  questions: readonly Question[],
): Promise<{ score: number; documents: number; tokens: number; equal: number }[]> {
  if (questions.length === 0) return [];
  const inBins = [...new Set(questions.map(({ score }) => scoreBin(score)))].map(
    (bin) => `(score >= ${sqlScore(binFloor(bin))} AND score < ${sqlScore(binFloor(bin + 1))})`,
  );
  const own = questions.map(({ score, better }) => {
    const bin = scoreBin(score);
    const within = `score < ${sqlScore(binFloor(bin + 1))} AND ${better}`;
    return (
      `[count(*) FILTER (${within}), coalesce(sum(tokens) FILTER (${within}), 0), count(*) FILTER ` +
      `(score = ${sqlScore(score)})]::DOUBLE[]`
    );
  });
  const [row] = await withScores(run, ranking, (connection, table) =>
    queryRows(
      connection,
      `SELECT [${own.join(', ')}] AS counts FROM ${table} WHERE ${inBins.join(' OR ')}`,
      z.object({ counts: sqlList(sqlList(count)) }),
    ),
  );
  return questions.map(({ score }, i) => {
    const [documents = 0, tokens = 0, equal = 0] = row?.counts[i] ?? [];
    const bin = scoreBin(score);
    const better = ranking.histogram.filter(([other]) => other > bin);
    return {
      score,
      documents: better.reduce((sum, [, inBin]) => sum + inBin, documents),
      tokens: better.reduce((sum, [, , inBin]) => sum + inBin, tokens),
      equal,
    };
  });
}
