// What a cut does to the corpus's make-up: every source's share of the tokens with no filter and after the cut, and what it loses.

import { z } from 'zod';
import type { Run } from '../data/run.ts';
import type { Ranking } from './generation.ts';
import { queryRows, withScores } from './scores.ts';

const count = z.number().int().nonnegative();
/** `share` is of all tokens on that side of the cut, as a fraction. */
const side = z.strictObject({ documents: count, tokens: count, share: z.number() });

export const sourceChangeSchema = z.strictObject({
  /** '' for documents that name no source. */
  source: z.string(),
  /** With no filter. */
  before: side,
  after: side,
  /** Part of the source's own tokens that is kept; the rest is what the cut removes. */
  kept: z.number(),
  /** Share after over share before: above 1 the cut favours the source. */
  lift: z.number(),
});
export type SourceChange = z.output<typeof sourceChangeSchema>;

const keptRow = z.object({ source: z.string(), documents: count, tokens: count });

/** Every source of the ranking before and after a cut, most favoured first; `condition` is SQL that holds for the kept documents, `tokens` are theirs. Errors: those of `withScores`. */
export async function compareComposition(run: Run, ranking: Ranking, { condition, tokens: keptTokens }: { condition: string; tokens: number }): Promise<SourceChange[]> {
  const kept = await withScores(run, ranking, (connection, table) =>
    queryRows(connection, `SELECT source, count(*)::DOUBLE AS documents, sum(tokens)::DOUBLE AS tokens FROM ${table} WHERE ${condition} GROUP BY source`, keptRow),
  );
  const bySource = new Map(kept.map((row) => [row.source, row]));
  const part = (tokens: number, of: number): number => (of === 0 ? 0 : tokens / of);
  return ranking.sources
    .map(({ source, documents, tokens }) => {
      const left = bySource.get(source) ?? { documents: 0, tokens: 0 };
      const before = { documents, tokens, share: part(tokens, ranking.tokens) };
      const after = { documents: left.documents, tokens: left.tokens, share: part(left.tokens, keptTokens) };
      return { source, before, after, kept: part(left.tokens, tokens), lift: part(after.share, before.share) };
    })
    .sort((a, b) => b.lift - a.lift || b.before.tokens - a.before.tokens || (a.source < b.source ? -1 : 1));
}
