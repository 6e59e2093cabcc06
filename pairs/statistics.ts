// What a set of pairs looks like as a whole: duplicates, contradictions, prompts, scores and lengths.

import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { queryRows } from '../data/duckdb/rows.ts';
import { shortenLine } from '../run/shorten.ts';
import type { Checked } from './card.ts';
import { pairForms, plainText } from './pair.ts';

export type Statistics = Pick<
  Checked,
  | 'duplicates'
  | 'contradictions'
  | 'scored'
  | 'swapped'
  | 'prompts'
  | 'commonPrompt'
  | 'prompt'
  | 'chosen'
  | 'rejected'
  | 'chosenLonger'
  | 'sources'
>;

const mostSources = 1000;
const promptCharacters = 300;
const sides = ['prompt', 'chosen', 'rejected'] as const;

const totalsRow = z.object({
  prompts: z.number(),
  scored: z.number(),
  swapped: z.number(),
  chosen_longer: z.number(),
});
const lengthRow = z.object({ median: z.number(), p90: z.number(), most: z.number() });
const repeatsRow = z.object({ duplicates: z.number(), contradictions: z.number() });
const commonRow = z.object({ pairs: z.number(), first: z.number() });
const sourceRow = z.object({
  source: z.string().nullable(),
  pairs: z.number(),
  prompt: z.number(),
  chosen: z.number(),
  rejected: z.number(),
  chosenLonger: z.number(),
});
const promptRow = z.object({ id: z.string(), form: z.enum(pairForms), prompt: z.string() });

/** Describes the pairs of a table in SQL with the columns of pairs.parquet; it must have at least one. */
export async function describePairs(connection: DuckDBConnection, table: string): Promise<Statistics> {
  // Texts are read once, as hashes: 5 million pairs are a table of about 300 MB, which can spill.
  await connection.run(`CREATE OR REPLACE TABLE pairs AS SELECT pair, hash(prompt_hash) AS same_prompt, source,
    score_chosen, score_rejected, prompt_characters, chosen_characters, rejected_characters,
    hash(prompt, chosen, rejected) AS whole,
    hash(prompt, least(chosen, rejected), greatest(chosen, rejected)) AS answers FROM ${table}`);
  const one = async <T>(sql: string, schema: z.ZodType<T>): Promise<T> => {
    const [row] = await queryRows(connection, sql, schema);
    return schema.parse(row);
  };
  const totals = await one(
    `SELECT count(DISTINCT same_prompt)::DOUBLE AS prompts,
       count(score_chosen + score_rejected)::DOUBLE AS scored,
       count(*) FILTER (score_rejected > score_chosen)::DOUBLE AS swapped,
       count(*) FILTER (chosen_characters > rejected_characters) / count(*)::DOUBLE AS chosen_longer FROM pairs`,
    totalsRow,
  );
  const lengths = await Promise.all(
    sides.map((side) =>
      one(
        `SELECT quantile_disc(${side}_characters, 0.5)::DOUBLE AS median,
           quantile_disc(${side}_characters, 0.9)::DOUBLE AS p90, max(${side}_characters)::DOUBLE AS most FROM pairs`,
        lengthRow,
      ),
    ),
  );
  const [prompt, chosen, rejected] = z.tuple([lengthRow, lengthRow, lengthRow]).parse(lengths);
  const repeats = await one(
    `SELECT coalesce(sum(pairs - kinds), 0)::DOUBLE AS duplicates,
       coalesce(sum(pairs) FILTER (kinds > 1), 0)::DOUBLE AS contradictions
     FROM (SELECT count(*) AS pairs, count(DISTINCT whole) AS kinds FROM pairs GROUP BY answers HAVING count(*) > 1)`,
    repeatsRow,
  );
  const common = await one(
    `SELECT count(*)::DOUBLE AS pairs, min(pair)::DOUBLE AS first FROM pairs GROUP BY same_prompt
     ORDER BY pairs DESC, first LIMIT 1`,
    commonRow,
  );
  const first = await one(`SELECT id, form, prompt FROM ${table} WHERE pair = ${common.first}`, promptRow);
  const sources = await queryRows(
    connection,
    `SELECT source, count(*)::DOUBLE AS pairs, ${sides
      .map((side) => `quantile_disc(${side}_characters, 0.5)::DOUBLE AS ${side}`)
      .join(', ')},
       count(*) FILTER (chosen_characters > rejected_characters) / count(*)::DOUBLE AS "chosenLonger"
     FROM pairs GROUP BY source ORDER BY pairs DESC, source NULLS LAST LIMIT ${mostSources}`,
    sourceRow,
  );
  await connection.run('DROP TABLE pairs');
  return {
    ...repeats,
    scored: totals.scored,
    swapped: totals.swapped,
    prompts: totals.prompts,
    commonPrompt: {
      pairs: common.pairs,
      id: first.id,
      prompt: shortenLine(plainText(first.form, first.prompt), promptCharacters).toWellFormed(),
    },
    prompt,
    chosen,
    rejected,
    chosenLonger: totals.chosen_longer,
    sources,
  };
}
