// The rows of a Parquet file in sections, each by one query: what DuckDB reads, and row groups of large
// pages, whose texts come from elsewhere beside DuckDB's other columns.

import type { DuckDBConnection, DuckDBDataChunk } from '@duckdb/node-api';
import { parquetSource, streamChunks } from '../duckdb/duckdb.ts';
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

/** A row group whose pages may be large, and its rows. */
export interface LargeGroup extends RowRange {
  pages: TextPages;
}

/** Rows that are read by one query. */
export interface Section extends RowRange {
  /** They are in these row groups of large pages, the first of which begins with `firstRow`. */
  large?: { firstRow: number; groups: TextPages[] };
  onlyRows?: readonly number[];
}

/** The wanted rows; row groups of large pages apart, and those that follow each other together. */
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

/** What rows have beside their texts. */
export interface RowFields {
  rows: Numbers;
  tokens: Numbers;
  /** '' where there is none, undefined where it is not valid UTF-8. */
  ids: (string | undefined)[];
  sources: (string | undefined)[];
}

/** Texts, and from `start` on the fields of their rows; they are of use until the next are asked for. */
export interface SectionTexts {
  fields: RowFields;
  start: number;
  texts: readonly Text[];
}

/**
 * The rows of a section. What cannot be read piece by piece, to its end or at all, DuckDB reads; or it says
 * why not. Errors: DuckDB's.
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
    // Its memory would stay until the object is collected as garbage.
    rows.reset();
  }
}

/** Ends where the texts do, or cannot be read on. */
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

/** The columns of a query's `others`, from column `first` on. */
function readFields(data: DuckDBDataChunk, first: number): RowFields {
  const [rows, tokens] = [data.getColumnVector(first), data.getColumnVector(first + 1)];
  if (!(rows instanceof DuckDBDoubleVector && tokens instanceof DuckDBDoubleVector))
    throw fail('INTERNAL', { reason: 'columns of a Parquet file do not have the requested types' });
  return { rows, tokens, ids: readStrings(data, first + 2), sources: readStrings(data, first + 3) };
}
