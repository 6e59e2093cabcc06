// Checks that the corpus has the fields in the settings. Otherwise a typo would appear only hours later, as
// documents without a source or a text.

import { BetrError, fail } from '../../run/errors/errors.ts';
import type { Shard } from '../documents.ts';
import { isRow, type Row } from '../../run/fields/field-path.ts';
import { readJsonl } from '../jsonl/jsonl.ts';
import { sortByNearness } from './nearest-names.ts';
import type { Report } from '../../run/progress.ts';
import { ignoredRows } from '../files/quarantine.ts';
import { readLineRows } from './rows.ts';
import type { FieldNames } from '../../run/settings.ts';

type Field = keyof FieldNames;

/**
 * Most corpora have all fields in the first row. If not, the first lines of this many shards are read before
 * any whole shard.
 */
const shardsGlancedAt = 64;
const rowsNamed = 1000;
const namesShown = 20;
const deepestNames = 5;

/**
 * Checks that some row has the text and every field whose name in the settings is not the default. Reads
 * until it has found them, so the whole corpus only if one is missing. Does nothing if some shards are
 * Parquet, because each Parquet file is checked when it is read. Errors: FIELD_MISSING, those of reading.
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
      for await (const { count } of untilError(readJsonl(shard, fields, { quarantine: ignoredRows, met }))) {
        const field = missing();
        if (field === undefined) return;
        // An empty batch ends a block.
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
  // Without any row, nothing can be checked.
  if (names.length > 0)
    throw fail('FIELD_MISSING', {
      field: fields[field],
      setting: `corpus.fields.${field}`,
      found: names.slice(0, namesShown),
      more: Math.max(0, names.length - namesShown),
    });
}

/** Ends at an error: problems of a shard are reported when its documents are read. */
async function* untilError<T>(batches: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* batches;
  } catch (error) {
    if (!(error instanceof BetrError)) throw error;
  }
}

/** Names of the fields in the first rows of the shards, in order of appearance. */
async function listNames(shards: readonly Shard[]): Promise<string[]> {
  const names = new Set<string>();
  let rows = 0;
  for (const shard of shards) {
    let ofShard = 0;
    for await (const { row } of untilError(readLineRows(shard.path, shard.format, ignoredRows, shard.name))) {
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
