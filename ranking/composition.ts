// What a cut does to the corpus's make-up: every source's share of the tokens with no filter and after the cut, and what it loses; and the
// same for every benchmark, by the documents that it is the best one for.

import { z } from 'zod';
import type { Run } from '../data/run.ts';
import { type Cut, type Cutoff, keptCondition } from './cutoff.ts';
import type { Ranking, Target } from './generation.ts';
import { queryRows, withScores } from './scores.ts';

const count = z.number().int().nonnegative();
/** `share` is of all tokens on that side of the cut, as a fraction. */
const side = z.strictObject({ documents: count, tokens: count, share: z.number() });

const change = {
  /** With no filter. */
  before: side,
  after: side,
  /** Part of the own tokens that is kept; the rest is what the cut removes. */
  kept: z.number(),
  /** Share after over share before: above 1 the cut favours it. */
  lift: z.number(),
};
/** '' for documents that name no source. */
export const sourceChangeSchema = z.strictObject({ source: z.string(), ...change });
export type SourceChange = z.output<typeof sourceChangeSchema>;
export const benchmarkChangeSchema = z.strictObject({ benchmark: z.string(), ...change });
export type BenchmarkChange = z.output<typeof benchmarkChangeSchema>;
type Change = Omit<SourceChange, 'source'>;

type Kept = Cut & Pick<Cutoff, 'tokens'>;
interface Group {
  documents: number;
  tokens: number;
}
const none: Group = { documents: 0, tokens: 0 };

const keptRow = z.object({ source: z.string(), documents: count, tokens: count });

/** Every source of the ranking before and after a cut, most favoured first. Errors: those of `withScores`. */
export async function compareComposition(run: Run, ranking: Ranking, cutoff: Kept): Promise<SourceChange[]> {
  const kept = await withScores(run, ranking, (connection, table) =>
    queryRows(connection, `SELECT source, count(*)::DOUBLE AS documents, sum(tokens)::DOUBLE AS tokens FROM ${table} WHERE ${keptCondition(cutoff)} GROUP BY source`, keptRow),
  );
  const bySource = new Map(kept.map((row) => [row.source, row]));
  const changes = ranking.sources.map(({ source, documents, tokens }) => ({ source, ...compare({ documents, tokens }, bySource.get(source) ?? none, ranking, cutoff) }));
  return changes.sort((a, b) => byFavour(a, b) || (a.source < b.source ? -1 : 1));
}

const winnerRow = z.object({ winner: count, documents: count, tokens: count, keptDocuments: count, keptTokens: count });

/**
 * Every benchmark of `winners` before and after a cut, each with the documents whose best corpus percentile is for it, most favoured first.
 * Errors: those of `withScores`.
 */
export async function compareWinners(run: Run, ranking: Ranking, winners: Target, cutoff: Kept): Promise<BenchmarkChange[]> {
  const kept = keptCondition(cutoff);
  const sql = (table: string): string => `SELECT winner::DOUBLE AS winner, count(*)::DOUBLE AS documents, sum(tokens)::DOUBLE AS tokens,
    count(*) FILTER (${kept})::DOUBLE AS "keptDocuments", coalesce(sum(tokens) FILTER (${kept}), 0)::DOUBLE AS "keptTokens" FROM ${table} GROUP BY winner`;
  const rows = await withScores(run, ranking, (connection, table) => queryRows(connection, sql(table), winnerRow), winners);
  const byWinner = new Map(rows.map((row) => [row.winner, row]));
  const changes = winners.benchmarks.map((benchmark, number) => {
    const row = byWinner.get(number);
    return { benchmark, ...compare(row ?? none, row === undefined ? none : { documents: row.keptDocuments, tokens: row.keptTokens }, ranking, cutoff) };
  });
  return changes.sort((a, b) => byFavour(a, b) || (a.benchmark < b.benchmark ? -1 : 1));
}

function compare({ documents, tokens }: Group, left: Group, ranking: Ranking, cutoff: Kept): Change {
  const part = (of: number, all: number): number => (all === 0 ? 0 : of / all);
  const before = { documents, tokens, share: part(tokens, ranking.tokens) };
  const after = { documents: left.documents, tokens: left.tokens, share: part(left.tokens, cutoff.tokens) };
  return { before, after, kept: part(left.tokens, tokens), lift: part(after.share, before.share) };
}

function byFavour(a: Change, b: Change): number {
  return b.lift - a.lift || b.before.tokens - a.before.tokens;
}
