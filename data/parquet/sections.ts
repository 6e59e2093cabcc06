// Reads the rows of a Parquet file in sections, each with one query. In row groups with large pages, the
// texts come from pages.ts and only the other columns from DuckDB.

import type { DuckDBConnection, DuckDBDataChunk } from '@duckdb/node-api';
import { parquetSource } from '../duckdb/duckdb.ts';
import { streamChunks } from '../duckdb/stream.ts';
import { readBytes, readStrings } from '../duckdb/columns.ts';
import { DuckDBDoubleVector } from '../duckdb/library.ts';
import { fail } from '../../run/errors/errors.ts';
import { defaultMaxLineBytes } from '../jsonl/jsonl.ts';
import type { Query } from './columns.ts';
import { haveLargePages, openPageTexts, type TextPages, type PageTextReader } from './pages.ts';
import type { Text } from './values.ts';

export interface RowRange {
  from: number;
  to: number;
}

/** The rows and pages of a row group whose pages may be large. */
export interface LargeGroup extends RowRange {
  pages: TextPages;
}

/** Rows that one query reads. */
export interface Section extends RowRange {
  /**
   * Set if the rows are in these row groups of large pages; `firstRow` is the first row of the first group.
   */
  large?: { firstRow: number; groups: TextPages[] };
  onlyRows?: readonly number[];
}

/** Cuts the wanted rows into sections: adjacent row groups of large pages form their own sections. */
export async function cutSections(
  path: string,
  largeGroups: readonly LargeGroup[],
  wanted: RowRange,
): Promise<Section[]> {
  const sections: Section[] = [];
  let at = wanted.from;
  for (const { from, to, pages } of largeGroups) {
    if (from >= wanted.to || to <= wanted.from || !(await haveLargePages(path, pages))) continue;
    if (from > at) sections.push({ from: at, to: from });
    const last = from > at ? undefined : sections.at(-1);
    at = Math.min(to, wanted.to);
    if (last?.large === undefined)
      sections.push({
        from: Math.max(from, wanted.from),
        to: at,
        large: { firstRow: from, groups: [pages] },
      });
    else {
      last.large.groups.push(pages);
      last.to = at;
    }
  }
  if (at < wanted.to) sections.push({ from: at, to: wanted.to });
  return sections;
}

type Numbers = InstanceType<typeof DuckDBDoubleVector>;

/** The fields of rows except their texts. */
export interface RowFields {
  rows: Numbers;
  tokens: Numbers;
  /** '' if there is none, undefined if it is not valid UTF-8. */
  ids: (string | undefined)[];
  sources: (string | undefined)[];
}

/** Texts, and the fields of their rows, starting at index `start`; valid until the next are requested. */
export interface SectionTexts {
  fields: RowFields;
  start: number;
  texts: readonly Text[];
}

/**
 * Yields the rows of a section. DuckDB reads what cannot be read piece by piece, or reports why it cannot be
 * read. Errors: those of DuckDB.
 */
export async function* readSection(
  connection: DuckDBConnection,
  path: string,
  query: Query,
  section: Section,
): AsyncGenerator<SectionTexts> {
  let { from } = section;
  if (section.large !== undefined) {
    const { firstRow, groups } = section.large;
    const reader = openPageTexts(path, groups, from - firstRow, defaultMaxLineBytes);
    try {
      for await (const read of readPiecewise(connection, path, query, section, reader)) {
        yield read;
        from += read.texts.length;
      }
    } finally {
      await reader.close();
    }
  }
  if (from < section.to) yield* readWhole(connection, path, query, { ...section, from });
}

async function* readWhole(
  connection: DuckDBConnection,
  path: string,
  { others, text }: Query,
  section: Section,
): AsyncGenerator<SectionTexts> {
  for await (const rows of streamChunks(
    connection,
    `SELECT ${text}, ${others} FROM ${sourceOf(path)} WHERE ${conditionOf(section)}`,
  )) {
    yield { fields: readFields(rows, 1), start: 0, texts: readBytes(rows, 0) };
    // Otherwise its memory is kept until the object is garbage-collected.
    rows.reset();
  }
}

/** Stops where the texts end or cannot be read. */
async function* readPiecewise(
  connection: DuckDBConnection,
  path: string,
  { others }: Query,
  section: Section,
  reader: PageTextReader,
): AsyncGenerator<SectionTexts> {
  let next = section.from;
  for await (const rows of streamChunks(
    connection,
    `SELECT ${others} FROM ${sourceOf(path)} WHERE ${conditionOf(section)}`,
  )) {
    const fields = readFields(rows, 0);
    if (fields.rows.getItem(0) !== next)
      throw fail('INTERNAL', {
        reason: `DuckDB returned row ${fields.rows.getItem(0) ?? ''} of a Parquet file instead of row ${next}`,
      });
    next += rows.rowCount;
    for (let start = 0; start < rows.rowCount;) {
      const texts = await reader.take(rows.rowCount - start).catch(() => []);
      if (texts.length === 0) return;
      yield { fields, start, texts };
      start += texts.length;
    }
    rows.reset();
  }
}

function sourceOf(path: string): string {
  return parquetSource(path, 'file_row_number = true');
}

function conditionOf({ from, to, onlyRows }: Section): string {
  return onlyRows === undefined
    ? `file_row_number >= ${from} AND file_row_number < ${to}`
    : `file_row_number IN (${onlyRows.join(', ')})`;
}

/** The columns of a query's `others`, starting at column `first`. */
function readFields(data: DuckDBDataChunk, first: number): RowFields {
  const [rows, tokens] = [data.getColumnVector(first), data.getColumnVector(first + 1)];
  if (!(rows instanceof DuckDBDoubleVector && tokens instanceof DuckDBDoubleVector))
    throw fail('INTERNAL', { reason: 'columns of a Parquet file do not have the requested types' });
  return { rows, tokens, ids: readStrings(data, first + 2), sources: readStrings(data, first + 3) };
}
