// What a cut does to the corpus's composition: every source's share of the tokens with no filter and after
// the cut, and the same for every benchmark, by the documents it is the best one for.

import { z } from 'zod';
import { count } from '../../run/schemas.ts';
import type { Run } from '../../run/run.ts';
import { type Cut, type Cutoff, keptCondition } from '../cutoff.ts';
import type { Ranking, ChosenScores } from '../generation.ts';
import { withScores } from '../scores.ts';
import { queryRows } from '../../data/duckdb/rows.ts';

/** `share` is the fraction of all tokens on that side of the cut. */
const side = z.strictObject({ documents: count, tokens: count, share: z.number() });

const change = {
  /** With no filter. */
  before: side,
  after: side,
  /** Fraction of its own tokens that is kept. */
  kept: z.number(),
  /** Share after divided by share before: above 1, the cut favors it. */
  lift: z.number(),
};
/** '' for documents without a source. */
export const sourceChangeSchema = z.strictObject({ source: z.string(), ...change });
export type SourceChange = z.output<typeof sourceChangeSchema>;
export const benchmarkChangeSchema = z.strictObject({ benchmark: z.string(), ...change });
export type BenchmarkChange = z.output<typeof benchmarkChangeSchema>;
type Change = Omit<SourceChange, 'source'>;

type Kept = Cut & Pick<Cutoff, 'tokens'>;

/** Documents of one source and winning benchmark: all, and the kept ones. */
const groupRow = z.object({
  source: z.string(),
  winner: count.nullable(),
  documents: count,
  tokens: count,
  keptDocuments: count,
  keptTokens: count,
});
type Group = z.output<typeof groupRow>;

/** Every source of the ranking before and after a cut, most favored first. Errors: those of `withScores`. */
export async function compareComposition(run: Run, ranking: Ranking, cutoff: Kept): Promise<SourceChange[]> {
  return (await compareMixture(run, ranking, undefined, cutoff)).sources;
}

/**
 * Every source of the ranking before and after a cut, and every benchmark of `winners` with the documents
 * whose best corpus percentile is for it; most favored first. Errors: those of `withScores`.
 */
export async function compareMixture(
  run: Run,
  ranking: Ranking,
  winners: ChosenScores | undefined,
  cutoff: Kept,
): Promise<{ sources: SourceChange[]; benchmarks: BenchmarkChange[] }> {
  const kept = keptCondition(cutoff);
  const sql = (table: string): string =>
    `SELECT source, ${winners === undefined ? 'NULL::DOUBLE' : 'winner::DOUBLE'} AS winner, ` +
    `count(*)::DOUBLE AS documents, sum(tokens)::DOUBLE AS tokens,
    count(*) FILTER (${kept})::DOUBLE AS "keptDocuments", coalesce(sum(tokens) FILTER (${kept}), ` +
    `0)::DOUBLE AS "keptTokens" FROM ${table} GROUP BY ALL`;
  const groups = await withScores(
    run,
    ranking,
    (connection, table) => queryRows(connection, sql(table), groupRow),
    winners,
  );
  const compare = (own: readonly Group[]): Change => compareGroups(own, ranking.tokens, cutoff.tokens);
  return {
    sources: ranking.sources
      .map(({ source }) => ({ source, ...compare(groups.filter((group) => group.source === source)) }))
      .sort((a, b) => byLift(a, b) || (a.source < b.source ? -1 : 1)),
    benchmarks: (winners?.benchmarks ?? [])
      .map((benchmark, number) => ({
        benchmark,
        ...compare(groups.filter(({ winner }) => winner === number)),
      }))
      .sort((a, b) => byLift(a, b) || (a.benchmark < b.benchmark ? -1 : 1)),
  };
}

function compareGroups(groups: readonly Group[], allTokens: number, keptTokens: number): Change {
  const sum = (of: (group: Group) => number): number => groups.reduce((total, group) => total + of(group), 0);
  const part = (of: number, all: number): number => (all === 0 ? 0 : of / all);
  const [tokens, left] = [sum((group) => group.tokens), sum((group) => group.keptTokens)];
  const before = { documents: sum((group) => group.documents), tokens, share: part(tokens, allTokens) };
  const after = {
    documents: sum((group) => group.keptDocuments),
    tokens: left,
    share: part(left, keptTokens),
  };
  return { before, after, kept: part(left, tokens), lift: part(after.share, before.share) };
}

function byLift(a: Change, b: Change): number {
  return b.lift - a.lift || b.before.tokens - a.before.tokens;
}
