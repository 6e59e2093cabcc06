// Whether the corpus has the fields that the settings name: a slip there would otherwise show as documents
// without a source, or without any text, after hours.

import { BetrError, fail } from '../../run/errors/errors.ts';
import type { Shard } from '../documents.ts';
import { isRow, type Row } from '../../run/fields/field-path.ts';
import { readJsonl } from '../jsonl/jsonl.ts';
import { sortByNearness } from './nearest-names.ts';
import type { Report } from '../../run/progress.ts';
import { passOver } from '../files/quarantine.ts';
import { readLineRows } from './rows.ts';
import type { FieldNames } from '../../run/settings.ts';

type Field = keyof FieldNames;

/**
 * Most corpora have all fields in the first row. Where they do not, the first lines of so many shards are
 * looked at, before the whole of any.
 */
const shardsGlancedAt = 64;
const rowsNamed = 1000;
const namesShown = 20;
const deepestNames = 5;

/**
 * Checks that some row has the text and every field whose name in the settings is not the default one. Reads
 * until it has found them: all of the corpus only where one is missing. Where some shards are Parquet it
 * checks nothing, as each of these files is checked when it is read. Errors: FIELD_MISSING, those of reading.
 */
export async function checkFields(
  shards: readonly Shard[],
  fields: FieldNames,
  report: Report,
): Promise<void> {
  if (shards.some(({ format }) => format === 'parquet')) return;
  const met = new Set<Field>();
  const missing = (): Field | undefined =>
    (['text', 'source', 'id', 'tokens'] as const).find(
      (field) => !met.has(field) && (field === 'text' || fields[field] !== field),
    );
  const look = async (some: readonly Shard[], isGlance: boolean): Promise<void> => {
    for (const shard of some) {
      for await (const { count } of untilError(readJsonl(shard, fields, { quarantine: passOver, met }))) {
        const field = missing();
        if (field === undefined) return;
        // A block ends with an empty batch.
        if (isGlance && count === 0) break;
        if (!isGlance)
          report({
            stage: `look for the field "${fields[field]}"`,
            done: some.indexOf(shard),
            total: some.length,
            unit: 'shards',
          });
      }
    }
  };
  const spread = shards.filter(
    (_, i) =>
      Math.floor((i * shardsGlancedAt) / shards.length) !==
      Math.floor(((i - 1) * shardsGlancedAt) / shards.length),
  );
  await look(spread, true);
  if (missing() !== undefined) await look(shards, false);
  const field = missing();
  if (field === undefined) return;
  const names = sortByNearness(await listNames(spread), fields[field]);
  // Of a corpus without a single row nothing can be said here.
  if (names.length > 0)
    throw fail('FIELD_MISSING', {
      field: fields[field],
      setting: `corpus.fields.${field}`,
      found: names.slice(0, namesShown),
      more: Math.max(0, names.length - namesShown),
    });
}

/** What is wrong with a shard is told by whoever reads it for its documents. */
async function* untilError<T>(batches: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* batches;
  } catch (error) {
    if (!(error instanceof BetrError)) throw error;
  }
}

/** Names of the fields in the first rows of the shards, in the order in which they are met. */
async function listNames(shards: readonly Shard[]): Promise<string[]> {
  const names = new Set<string>();
  let rows = 0;
  for (const shard of shards) {
    let ofShard = 0;
    for await (const { row } of untilError(readLineRows(shard.path, shard.format, passOver, shard.name))) {
      addNames(names, row, '', 1);
      rows++;
      ofShard++;
      if (ofShard * shards.length >= rowsNamed || rows >= rowsNamed) break;
    }
  }
  return [...names];
}

function addNames(names: Set<string>, row: Row, prefix: string, depth: number): void {
  for (const [key, value] of Object.entries(row)) {
    if (isRow(value) && depth < deepestNames) addNames(names, value, `${prefix}${key}.`, depth + 1);
    else if (names.size < rowsNamed) names.add(`${prefix}${key}`);
  }
}
