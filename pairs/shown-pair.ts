// A pair as people read it: plain text instead of JSON, and only the beginning of long texts.

import type { DuckDBConnection } from '@duckdb/node-api';
import { z } from 'zod';
import { parquetSource } from '../data/duckdb/duckdb.ts';
import { queryRows } from '../data/duckdb/rows.ts';
import { count } from '../run/schemas.ts';
import type { Measurement } from './measurement.ts';
import { pairForms, plainText } from './pair.ts';
import { type PairSet, pairTable } from './set.ts';

const textSchema = z.strictObject({
  text: z.string(),
  /** UTF-16 units of the whole text. */
  characters: count,
});
export type ShownText = z.output<typeof textSchema>;

export const shownPairSchema = z.strictObject({
  id: z.string(),
  file: z.string(),
  line: z.number().int(),
  source: z.string().nullable(),
  category: z.string().nullable(),
  language: z.string().nullable(),
  scoreChosen: z.number().nullable(),
  scoreRejected: z.number().nullable(),
  /** null where it is unknown; `unknown` says why. */
  difficulty: z.number().nullable(),
  unknown: z.string().nullable(),
  spread: z.number().nullable(),
  margin: z.number().nullable(),
  /** How many models judged it. */
  models: count,
  /** The beginnings of the texts. */
  prompt: textSchema,
  chosen: textSchema,
  rejected: textSchema,
});
export type ShownPair = z.output<typeof shownPairSchema>;

const rowSchema = z
  .object({
    pair: z.number(),
    form: z.enum(pairForms),
    prompt: z.string(),
    chosen: z.string(),
    rejected: z.string(),
  })
  .extend(shownPairSchema.omit({ prompt: true, chosen: true, rejected: true }).shape);

/** Reads the pairs that an SQL condition accepts, with `characters` of each text, by number. */
export async function readShownPairs(
  connection: DuckDBConnection,
  set: PairSet,
  { difficulties }: Measurement,
  where: string,
  characters: number,
): Promise<Map<number, ShownPair>> {
  const rows = await queryRows(
    connection,
    `SELECT pair::DOUBLE AS pair, id, file, line::DOUBLE AS line, form, prompt, chosen, rejected,
      source, category, language,
      score_chosen AS "scoreChosen", score_rejected AS "scoreRejected", difficulty, unknown, spread, margin, models
    FROM (FROM ${pairTable(set)} WHERE ${where}) JOIN ${parquetSource(difficulties)} USING (pair)`,
    rowSchema,
  );
  return new Map(
    rows.map(({ pair, form, prompt, chosen, rejected, ...rest }) => {
      const show = (stored: string): ShownText => {
        const text = plainText(form, stored);
        return { text: cut(text, characters), characters: text.length };
      };
      return [pair, { ...rest, prompt: show(prompt), chosen: show(chosen), rejected: show(rejected) }];
    }),
  );
}

/** Not between the two halves of a character. */
function cut(text: string, characters: number): string {
  return text.slice(0, characters).replace(/[\uD800-\uDBFF]$/, '');
}
