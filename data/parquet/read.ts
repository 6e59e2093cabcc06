// Parquet in, batches of documents out, through DuckDB: text as bytes, and memory for a few row groups
// regardless of the file's size.

import { isUtf8 } from 'node:buffer';
import type { DuckDBConnection } from '@duckdb/node-api';
import { type BatchBuilder, openBatch } from '../batch.ts';
import { findForeignKind } from '../files/bytes.ts';
import type { DocumentBatch, Shard } from '../documents.ts';
import { openDuckDb } from '../duckdb/duckdb.ts';
import { BetrError, fail, reasonOf } from '../../run/errors/errors.ts';
import { countProblem, isCount } from '../jsonl/json-line.ts';
import { defaultMaxLineBytes, type ReadOptions } from '../jsonl/jsonl.ts';
import type { Quarantine } from '../files/quarantine.ts';
import type { FieldNames } from '../../run/settings.ts';
import { checkPages } from './checksums.ts';
import { findColumn } from './columns.ts';
import { openCopy } from './copy.ts';
import { readFooter } from './footer.ts';
import { prepare, setMemoryLimit } from './prepare.ts';
import { cutSections, readSection, type RowFields, type SectionTexts } from './sections.ts';
import type { Text } from './values.ts';
import { showPath } from '../../run/address.ts';

/**
 * Reads a Parquet shard. Invalid rows go to the quarantine. Returns the row after the last one read. Errors:
 * FILE_NOT_FOUND, FILE_UNREADABLE, COLUMN_MISSING, COLUMN_TYPE.
 */
export async function* readParquet(
  shard: Shard,
  fields: FieldNames,
  {
    quarantine,
    chunk = { firstRow: 0 },
    fromRow = chunk.firstRow,
    onlyRows,
    batchBytes,
    connection: opened,
  }: ReadOptions,
): AsyncGenerator<DocumentBatch, number> {
  const { connection, close } =
    opened === undefined
      ? await openDuckDb({ threads: 1, memoryMb: 1024 })
      : { connection: opened, close: () => undefined };
  const batch = openBatch(shard.name, batchBytes);
  let endRow = fromRow;
  try {
    for (let asBytes = false; ; asBytes = true) {
      try {
        for await (const { fields: others, start, texts } of readRows(
          connection,
          shard.path,
          fields,
          { from: endRow, to: chunk.endRow, onlyRows },
          asBytes,
        )) {
          yield* takeRows(others, start, texts, batch, shard, fields, quarantine);
          endRow = (others.rows.getItem(start + texts.length - 1) ?? 0) + 1;
        }
        break;
      } catch (error) {
        // DuckDB rejects strings that are not valid UTF-8. Reading them as bytes loses only the invalid rows.
        if (asBytes || !/invalid string encoding/i.test(reasonOf(error))) throw error;
      }
    }
    const last = batch.take();
    if (last !== undefined) yield last;
    if (onlyRows === undefined && chunk.endRow !== undefined && endRow < chunk.endRow)
      throw new Error(`it ends before row ${endRow}, but it should have ${chunk.endRow} rows`);
    return endRow;
  } catch (error) {
    throw await readError(error, shard.path);
  } finally {
    batch.close();
    close();
  }
}

interface WantedRows {
  from: number;
  to: number | undefined;
  /** If set, only these rows, starting at `from`. */
  onlyRows: readonly number[] | undefined;
}

async function* readRows(
  connection: DuckDBConnection,
  path: string,
  fields: FieldNames,
  wanted: WantedRows,
  asBytes: boolean,
): AsyncGenerator<SectionTexts> {
  const known = await prepare(connection, path, fields, asBytes);
  const onlyRows = wanted.onlyRows?.filter((row) => row >= wanted.from);
  if (onlyRows?.length === 0) return;
  await setMemoryLimit(connection, known.neededMb);
  const rows =
    onlyRows === undefined
      ? { from: wanted.from, to: wanted.to ?? known.rows }
      : { from: Math.min(...onlyRows), to: Math.max(...onlyRows) + 1 };
  const spans = known.groups
    .filter(
      ({ from, to }) =>
        from < rows.to && to > rows.from && (onlyRows?.some((row) => row >= from && row < to) ?? true),
    )
    .flatMap((group) => group.spans);
  const copy = known.view === undefined ? undefined : await openCopy(path, known.bytes, known.view);
  try {
    await copy?.fetch(spans);
    const local = copy?.path ?? path;
    await checkPages(local, spans);
    const sections =
      onlyRows === undefined ? await cutSections(local, known.largeGroups, rows) : [{ ...rows, onlyRows }];
    for (const section of sections) yield* readSection(connection, local, known, section);
  } finally {
    await copy?.close();
  }
}

function* takeRows(
  others: RowFields,
  start: number,
  texts: readonly Text[],
  batch: BatchBuilder,
  shard: Shard,
  fields: FieldNames,
  quarantine: Quarantine,
): Generator<DocumentBatch> {
  for (const [i, text] of texts.entries()) {
    const row = others.rows.getItem(start + i) ?? 0;
    const tokens = others.tokens.getItem(start + i) ?? Number.NaN;
    const [id, source] = [others.ids[start + i], others.sources[start + i]];
    const problem = problemOf(text, tokens, id, source, fields);
    if (problem !== undefined || !(text instanceof Uint8Array)) {
      quarantine.add(shard.name, row, problem ?? '');
      continue;
    }
    batch.addDocument(row, id, source ?? '', tokens, text.length);
    batch.addTexts(text);
    if (!batch.isFull()) continue;
    const full = batch.take();
    if (full !== undefined) yield full;
  }
}

function problemOf(
  text: Text,
  tokens: number,
  id: string | undefined,
  source: string | undefined,
  fields: FieldNames,
): string | undefined {
  if (text === undefined) return `field "${fields.text}" is missing`;
  if (text === 'too long' || text.length > defaultMaxLineBytes)
    return `field "${fields.text}" has more than ${defaultMaxLineBytes} bytes`;
  if (!hasVisible(text)) return `field "${fields.text}" is empty`;
  if (!isUtf8(text)) return 'not valid UTF-8';
  if (id === undefined || source === undefined)
    return `field "${id === undefined ? fields.id : fields.source}" is not valid UTF-8`;
  return isCount(tokens) ? undefined : `field "${fields.tokens}" ${countProblem(tokens)}`;
}

function hasVisible(text: Uint8Array): boolean {
  for (const byte of text) if (byte > 0x20) return true;
  return false;
}

/**
 * The row groups of a Parquet file, in order: their rows and approximate bytes of text. Errors:
 * FILE_NOT_FOUND, FILE_UNREADABLE.
 */
export async function listRowGroups(
  path: string,
  textField: string,
): Promise<{ rows: number; textBytes: number }[]> {
  try {
    const { root, groups } = await readFooter(path);
    const leaf = findColumn(root, textField)?.at(-1)?.leaf ?? -1;
    return groups.map(({ rows, chunks }) => ({ rows, textBytes: chunks[leaf]?.uncompressedBytes ?? 0 }));
  } catch (error) {
    throw await readError(error, path);
  }
}

async function readError(error: unknown, path: string): Promise<BetrError> {
  // A file that is not Parquet fails in many ways, with unclear messages.
  const kind =
    error instanceof BetrError && error.code !== 'FILE_UNREADABLE'
      ? undefined
      : await findForeignKind(path, 'parquet');
  if (kind !== undefined) return fail('FILE_UNREADABLE', { path: showPath(path), reason: kind }, error);
  if (error instanceof BetrError) return error;
  return fail(
    'FILE_UNREADABLE',
    { path: showPath(path), reason: reasonOf(error).split('\n')[0] ?? '' },
    error,
  );
}
