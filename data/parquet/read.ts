// Parquet in, batches of documents out, through DuckDB: text as bytes, and memory for a few row groups
// regardless of the file's size.

import { isUtf8 } from 'node:buffer';
import type { DuckDBConnection } from '@duckdb/node-api';
import { type BatchBuilder, openBatch } from '../batch.ts';
import { openBoundedCache } from '../files/bounded-cache.ts';
import { findForeignKind } from '../files/bytes.ts';
import type { DocumentBatch, Shard } from '../documents.ts';
import { openDuckDb } from '../duckdb/duckdb.ts';
import { BetrError, fail, reasonOf } from '../../run/errors/errors.ts';
import { statFile } from '../files/files.ts';
import { countProblem, isCount } from '../jsonl/json-line.ts';
import { defaultMaxLineBytes, type ReadOptions } from '../jsonl/jsonl.ts';
import type { Quarantine } from '../files/quarantine.ts';
import type { FieldNames } from '../../run/settings.ts';
import { checkPages, type PageSpan } from './checksums.ts';
import {
  buildQuery,
  type ColumnPath,
  type FieldColumns,
  findColumn,
  findColumns,
  leavesOf,
  plainSql,
  type Query,
} from './columns.ts';
import { openCopy } from './copy.ts';
import { type Footer, readFooter } from './footer.ts';
import { findTextPages } from './pages.ts';
import {
  cutSections,
  type LargeGroup,
  readSection,
  type RowFields,
  type RowRange,
  type SectionTexts,
} from './sections.ts';
import type { Text } from './values.ts';
import { buildView, hasPlainNames } from './view.ts';
import { isRemote, showPath } from '../../run/address.ts';

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
  await makeRoom(connection, known.neededMb);
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

/** Rows of a row group that DuckDB holds in memory at once. */
const rowsAtOnce = 2048;
/** DuckDB holds a page compressed, decompressed, and as rows. */
const copies = 3;
const largestPageBytes = 128e6;
const minMemoryMb = 128;
/**
 * A file that needs more is rejected before it uses up the machine's memory: a few bytes may decompress to
 * gigabytes.
 */
const maxMemoryMb = 1024;
/** Limits are rounded up so that similar files need the same limit. */
const stepMb = 64;

/** What must be known about a file to read it. */
interface Prepared extends Query {
  bytes: number;
  /** The footer with which DuckDB reads a copy of the file; undefined if it reads the file itself. */
  view: Uint8Array | undefined;
  /** Memory to hold the texts of `rowsAtOnce` rows: little for most files, much if each text is a book. */
  neededMb: number;
  rows: number;
  /** The row groups, and where their needed columns are. */
  groups: (RowRange & { spans: PageSpan[] })[];
  largeGroups: LargeGroup[];
}

/** Cached because a file is read chunk by chunk, and this takes as long as a hundredth of a chunk. */
const prepared = openBoundedCache<string, Prepared>(100);

/** Remote files, files whose columns DuckDB would rename, and files read `asBytes` are read from a copy. */
async function prepare(
  connection: DuckDBConnection,
  path: string,
  fields: FieldNames,
  asBytes: boolean,
): Promise<Prepared> {
  const { bytes, modifiedMs } = await statFile(path);
  const key = JSON.stringify([path, bytes, modifiedMs, fields]);
  const known = prepared.get(key);
  if (known !== undefined && (known.view !== undefined || !asBytes)) return known;
  const footer = await readFooter(path);
  const columns = findColumns(footer, fields, showPath(path));
  const paths = Object.values(columns).flatMap((column: ColumnPath | undefined) =>
    column === undefined ? [] : [column],
  );
  const view =
    asBytes || isRemote(path) || !hasPlainNames(footer.root, paths) ? buildView(footer, paths) : undefined;
  const copy = view === undefined ? undefined : await openCopy(path, bytes, view.footer);
  try {
    const query = await buildQuery(
      connection,
      copy?.path ?? path,
      columns,
      view?.sqlOf ?? plainSql,
      view !== undefined,
      fields,
      showPath(path),
    );
    const now = { ...query, bytes, view: view?.footer, ...measure(footer, columns) };
    prepared.set(key, now);
    return now;
  } finally {
    await copy?.close();
  }
}

function measure(
  footer: Footer,
  columns: FieldColumns,
): Pick<Prepared, 'neededMb' | 'rows' | 'groups' | 'largeGroups'> {
  const leaves = leavesOf(columns);
  const text = columns.text?.at(-1);
  let neededBytes = 0;
  const groups = footer.groups.map(({ firstRow, rows, chunks }, group) => {
    const textBytes = chunks[text?.leaf ?? -1]?.uncompressedBytes ?? 0;
    neededBytes = Math.max(
      neededBytes,
      textBytes * Math.min(1, rowsAtOnce / Math.max(1, rows)),
      Math.min(textBytes, largestPageBytes),
    );
    const spans = leaves.flatMap(({ leaf, name }) =>
      chunks[leaf] === undefined || rows === 0
        ? []
        : [{ start: chunks[leaf].start, end: chunks[leaf].end, column: name, group }],
    );
    return { from: firstRow, to: firstRow + rows, spans };
  });
  const found = text === undefined ? [] : findTextPages(footer, text);
  const largeGroups = found.map((pages) => ({
    from: groups[pages.group]?.from ?? 0,
    to: groups[pages.group]?.to ?? 0,
    pages,
  }));
  return { neededMb: Math.ceil((copies * neededBytes) / 1e6), rows: footer.rows, groups, largeGroups };
}

async function makeRoom(connection: DuckDBConnection, neededMb: number): Promise<void> {
  const limitMb = Math.min(maxMemoryMb, stepMb * Math.ceil((minMemoryMb + neededMb) / stepMb));
  // Setting the limit, even to its current value, makes DuckDB release all free memory and request it again
  // page by page.
  if (limits.get(connection) === limitMb) return;
  await connection.run(`SET memory_limit = '${limitMb}MB'`);
  limits.set(connection, limitMb);
}

/** The last limit by connection; a database is read through one connection. */
const limits = new WeakMap<DuckDBConnection, number>();

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
