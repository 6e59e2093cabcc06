// Cuts passages out of the documents of a Parquet file: a row with passages becomes one row for each
// remaining piece.

import type { Shard } from '../../data/documents.ts';
import { findColumn } from '../../data/parquet/columns.ts';
import type { Edits } from '../../data/parquet/copy-column.ts';
import type { Footer } from '../../data/parquet/footer.ts';
import type { SchemaNode } from '../../data/parquet/schema.ts';
import type { FieldNames } from '../../run/settings.ts';
import { readTexts } from '../../data/texts.ts';
import { type Passage, cutPassages } from './excise.ts';

/**
 * The edits for `rows`, which have these passages: a row for each piece with the id "ID#1", "ID#2", … and no
 * token count (its column becomes optional). All other columns are copied to each. Errors: those of
 * `readTexts`.
 */
export async function planCuts(
  shard: Shard,
  footer: Footer,
  fields: FieldNames,
  rows: readonly number[],
  passages: ReadonlyMap<number, readonly Passage[]>,
): Promise<Edits> {
  const pieces = new Map<number, Buffer[]>(rows.map((row) => [row, []]));
  for await (const { row, text } of readTexts(shard, fields, rows)) {
    pieces.set(
      row,
      cutPassages(Buffer.from(text).toString(), passages.get(row) ?? []).map((piece) => Buffer.from(piece)),
    );
  }
  const leaf = (field: keyof FieldNames): SchemaNode | undefined =>
    findColumn(footer.root, fields[field])?.at(-1);
  const [text, id, tokens] = [leaf('text'), leaf('id'), leaf('tokens')];
  if (text?.type !== 'BYTE_ARRAY')
    throw new Error(
      `column "${fields.text}" holds texts of a fixed length, which passages cannot be cut out of`,
    );
  const values = new Map<number, (row: number, copy: number, value: Uint8Array) => Uint8Array | undefined>();
  if (id?.isText === true)
    values.set(id.leaf, (_row, copy, value) =>
      value.length === 0 ? value : Buffer.concat([value, Buffer.from(`#${copy + 1}`)]),
    );
  if (tokens !== undefined) values.set(tokens.leaf, () => undefined);
  values.set(text.leaf, (row, copy) => pieces.get(row)?.[copy]);
  return {
    copies: new Map([...pieces].map(([row, { length }]) => [row, length])),
    values,
    optional: new Set(tokens?.repetition === 'required' ? [tokens] : []),
  };
}
