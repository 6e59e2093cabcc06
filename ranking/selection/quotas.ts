// Quotas over a ranking: within each domain, the best documents up to the domain's weight of the kept tokens.
// Order and rule are the cutoff's (score descending, document key, shard, row; up to the first that does not
// fit), by domain. In each domain, only the narrow band of scores where its quota ends is sorted.

import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { count } from '../../run/schemas.ts';
import { sqlString } from '../../data/duckdb/duckdb.ts';
import { fail } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import type { Ranking } from '../generation.ts';
import { withScores } from '../scores.ts';
import { queryRows, sqlScore } from '../../data/duckdb/rows.ts';

/** A document's domain: its source or its shard. */
export const domainColumns = ['source', 'shard'] as const;
export type DomainColumn = (typeof domainColumns)[number];

/** Weights of domains (they add up to 1), and what a document's domain is. */
export interface Quotas {
  weights: readonly { domain: string; weight: number }[];
  by: DomainColumn;
}

export const filledQuotaSchema = z.strictObject({
  domain: z.string(),
  weight: z.number(),
  /**
   * The domain's quota, what it contributes, and what it has. If it has too few tokens, nothing replaces
   * them.
   */
  quotaTokens: count,
  documents: count,
  tokens: count,
  ofDocuments: count,
  ofTokens: count,
  /** The lowest score kept; null if nothing is kept. */
  score: z.number().nullable(),
});
export type FilledQuota = z.output<typeof filledQuotaSchema>;

export interface FilledQuotas {
  /** SQL condition on the table of scores that selects exactly the kept documents. */
  condition: string;
  documents: number;
  tokens: number;
  /** By weight, largest first, without domains of weight 0. */
  quotas: FilledQuota[];
}

/**
 * Fills the quotas with `share` (0–1) of the ranking's tokens. Errors: QUOTAS_UNMATCHED, and those of
 * `withScores`.
 */
export async function fillQuotas(
  run: Run,
  ranking: Ranking,
  share: number,
  { weights, by }: Quotas,
): Promise<FilledQuotas> {
  const total = Math.floor(share * ranking.tokens);
  // Rounding errors of an integer product must not cost a token.
  const wanted = weights
    .filter(({ weight }) => weight > 0)
    .map(({ domain, weight }) => ({ domain, weight, quotaTokens: Math.floor(weight * total + 1e-6) }));
  return withScores(run, ranking, async (connection, table) => {
    await createQuotas(connection, wanted);
    const cuts = await findCuts(connection, table, by);
    if (cuts.length === 0)
      throw fail('QUOTAS_UNMATCHED', {
        domain: wanted[0]?.domain ?? '',
        by,
        found: (by === 'source' ? ranking.sources[0]?.source : ranking.parts[0]?.covers[0]?.shard) ?? '',
      });
    const condition = cutCondition(cuts, by);
    const kept = await queryRows(
      connection,
      `SELECT ${by} AS domain, count(*)::DOUBLE AS documents, sum(tokens)::DOUBLE AS tokens, min(score) ` +
        `AS score FROM ${table} WHERE ${condition} GROUP BY ALL`,
      keptRow,
    );
    const keptOf = new Map(kept.map((row) => [row.domain, row]));
    const cutOf = new Map(cuts.map((cut) => [cut.domain, cut]));
    const quotas = wanted.map(({ domain, weight, quotaTokens }) => {
      const { documents, tokens, score } = keptOf.get(domain) ?? { documents: 0, tokens: 0, score: null };
      const { ofDocuments, ofTokens } = cutOf.get(domain) ?? { ofDocuments: 0, ofTokens: 0 };
      return { domain, weight, quotaTokens, documents, tokens, ofDocuments, ofTokens, score };
    });
    quotas.sort((a, b) => b.weight - a.weight || (a.domain < b.domain ? -1 : 1));
    const sum = (key: 'documents' | 'tokens'): number => quotas.reduce((all, quota) => all + quota[key], 0);
    return { condition, documents: sum('documents'), tokens: sum('tokens'), quotas };
  });
}

const keptRow = z.object({ domain: z.string(), documents: count, tokens: count, score: z.number() });

async function createQuotas(
  connection: DuckDBConnection,
  wanted: readonly { domain: string; quotaTokens: number }[],
): Promise<void> {
  await connection.run('CREATE TEMP TABLE quotas (quota_domain VARCHAR, quota BIGINT)');
  const appender = await connection.createAppender('quotas');
  for (const { domain, quotaTokens } of wanted) {
    appender.appendVarchar(domain);
    appender.appendBigInt(BigInt(quotaTokens));
    appender.endRow();
  }
  appender.closeSync();
}

/** A domain's quota ends before this document; null if the quota covers the domain. */
const cutRow = z.object({
  domain: z.string(),
  ofDocuments: count,
  ofTokens: count,
  score: z.number().nullable(),
  document: z.string().nullable(),
  shard: z.string().nullable(),
  row: count.nullable(),
});
type QuotaCut = z.output<typeof cutRow>;

/** Bands of scores. Any monotonic function works; this one suits scores that are log-odds. */
const band = 'floor(greatest(least(score, 1e6), -1e6) * 1024)';

/** The cut of every domain that has a quota and documents. */
function findCuts(connection: DuckDBConnection, table: string, by: DomainColumn): Promise<QuotaCut[]> {
  return queryRows(
    connection,
    `WITH bands AS (SELECT ${by} AS domain, ${band} AS band, any_value(quota) AS quota, count(*) AS ` +
      `documents, sum(tokens) AS tokens FROM ${table} JOIN quotas ON quota_domain = ${by} GROUP BY 1, 2),
     running AS (SELECT *, sum(tokens) OVER (PARTITION BY domain ORDER BY band DESC) AS upto FROM bands),
     totals AS (SELECT domain, sum(documents) AS documents, sum(tokens) AS tokens FROM bands GROUP BY domain),
     -- The first band that does not fit completely, and how many of its tokens do.
     ends AS (SELECT domain, max(band) AS band, arg_max(quota - (upto - tokens), band) AS room FROM ` +
      `running WHERE upto > quota GROUP BY domain),
     places AS (SELECT domain, scores.score, scores.document, scores.shard, scores."row", room,
         sum(scores.tokens) OVER ranked AS upto, row_number() OVER ranked AS place
       FROM (SELECT *, ${band} AS band, ${by} AS domain FROM ${table}) AS scores JOIN ends USING (domain, band)
       WINDOW ranked AS (PARTITION BY domain ORDER BY scores.score DESC, scores.document, scores.shard, ` +
      `scores."row" ROWS UNBOUNDED PRECEDING)),
     cuts AS (SELECT domain, arg_min((score, document, shard, "row"), place) AS cut FROM places WHERE ` +
      `upto > room GROUP BY domain)
     SELECT domain, totals.documents::DOUBLE AS "ofDocuments", totals.tokens::DOUBLE AS "ofTokens", ` +
      `cut[1] AS score, cut[2] AS document, cut[3] AS shard, cut[4]::DOUBLE AS "row"
     FROM totals LEFT JOIN cuts USING (domain) ORDER BY domain`,
    cutRow,
  );
}

function cutCondition(cuts: readonly QuotaCut[], by: DomainColumn): string {
  const rows = cuts.map(({ domain, score, document, shard, row }) => {
    const place =
      score === null
        ? 'NULL::FLOAT, NULL, NULL, NULL::BIGINT'
        : `${sqlScore(score)}, ${sqlString(document ?? '')}, ${sqlString(shard ?? '')}, ${row ?? 0}::BIGINT`;
    return `(${sqlString(domain)}, ${place})`;
  });
  return (
    `EXISTS (SELECT 1 FROM (VALUES ${rows.join(', ')}) AS cut (cut_domain, cut_score, ` +
    `cut_document, cut_shard, cut_row)
    WHERE cut_domain = ${by} AND (cut_score IS NULL OR score > cut_score OR (score = cut_score AND ` +
    '(document, shard, "row") < (cut_document, cut_shard, cut_row))))'
  );
}
