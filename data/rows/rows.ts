// Reads the rows of small files, such as benchmarks, as objects: JSON Lines, a JSON array, CSV, and TSV, each
// uncompressed, .gz, or .zst, and Parquet. A row has the same values in JSON and in Parquet; CSV cells are
// strings.

import { constants, isUtf8 } from 'node:buffer';
import { z } from 'zod';
import { readAnyBytesOf } from '../files/bytes.ts';
import { type Ending, endingOf } from '../files/endings.ts';
import { readCsvRows } from './csv.ts';
import type { ListedFile, ShardFormat } from '../documents.ts';
import { fail } from '../../run/errors/errors.ts';
import { parseRow } from '../jsonl/json-line.ts';
import { readParquetRows } from '../parquet/rows.ts';
import { isRow, type Row } from '../../run/fields/field-path.ts';
import type { Quarantine } from '../files/quarantine.ts';
import { readLines } from '../read.ts';
import { listFiles } from '../list-files.ts';
import { showPath } from '../../run/address.ts';

export interface RowAt {
  /** The row, from 0; in JSON Lines, the line. */
  position: number;
  row: Row;
}

/** Errors: FILE_KIND_UNKNOWN. */
function kindOf(path: string): Ending {
  const ending = endingOf(path);
  if (ending === undefined) throw fail('FILE_KIND_UNKNOWN', { path });
  return ending;
}

/** The matching files of rows. Errors: as `listShards`. */
export function listRowFiles(patterns: readonly string[], folder: string): Promise<ListedFile[]> {
  return listFiles(patterns, folder, kindOf);
}

/**
 * Yields the rows of a file. Invalid rows go to the quarantine under the file's `name`. Errors:
 * FILE_KIND_UNKNOWN, FILE_NOT_FOUND, FILE_UNREADABLE.
 */
export async function* readRows(
  path: string,
  quarantine: Quarantine,
  name = path,
  wordValue?: (word: string) => unknown,
): AsyncGenerator<RowAt> {
  const { kind, format } = kindOf(path);
  if (kind === 'parquet') yield* readParquetRows(path);
  else if (kind === 'csv' || kind === 'tsv')
    yield* readCsvRows(await readWhole(path, format), kind === 'csv' ? ',' : '\t', {
      path,
      name,
      quarantine,
    });
  else {
    const first = await firstVisible(path, format);
    // JSON Lines also start with a brace, but a .json file may be a single object.
    const whole =
      first === '[' || (first === '{' && kind === 'json')
        ? parseWhole(await readWhole(path, format))
        : undefined;
    if (whole === undefined && first === '[' && kind === 'json')
      throw fail('FILE_UNREADABLE', {
        path: showPath(path),
        reason: 'it starts like a JSON array, but it is not valid JSON',
      });
    yield* whole === undefined
      ? readLineRows(path, format, quarantine, name, wordValue)
      : listRows(whole, quarantine, name);
  }
}

/**
 * Yields the rows of a JSON Lines file. Invalid rows go to the quarantine under the file's `name`. Errors:
 * FILE_NOT_FOUND, FILE_UNREADABLE.
 */
export async function* readLineRows(
  path: string,
  format: ShardFormat,
  quarantine: Quarantine,
  name: string,
  wordValue?: (word: string) => unknown,
): AsyncGenerator<RowAt> {
  for await (const { position, bytes } of readLines(path, format, { quarantine, name })) {
    const row = parseRow(bytes, wordValue);
    if (typeof row === 'string') quarantine.add(name, position, row, bytes.toString('utf8', 0, 800));
    else if (row !== undefined) yield { position, row };
  }
}

const list = z.array(z.unknown());
/** Fields of a single object that contain the file's rows. */
const listFields = ['data', 'rows', 'examples', 'instances'];

/**
 * Yields the rows of one JSON value: the items of an array, of an object's list of rows, or the object
 * itself.
 */
function* listRows(whole: unknown, quarantine: Quarantine, name: string): Generator<RowAt> {
  const field = isRow(whole)
    ? listFields.find((one) => list.safeParse(whole[one]).data?.every(isRow) === true)
    : undefined;
  const values = list.safeParse(isRow(whole) && field !== undefined ? whole[field] : whole).data ?? [whole];
  for (const [position, row] of values.entries()) {
    if (isRow(row)) yield { position, row };
    else quarantine.add(name, position, 'not a JSON object', JSON.stringify(row).slice(0, 800));
  }
}

/** The first character that is not whitespace. */
async function firstVisible(path: string, format: ShardFormat): Promise<string | undefined> {
  for await (const piece of readAnyBytesOf(path, format)) {
    const [visible] = /[^\s\ufeff]/.exec(Buffer.from(piece).toString('utf8')) ?? [];
    if (visible !== undefined) return visible;
  }
  return undefined;
}

async function readWhole(path: string, format: ShardFormat): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of readAnyBytesOf(path, format)) {
    bytes += piece.length;
    if (bytes > constants.MAX_STRING_LENGTH)
      throw fail('FILE_UNREADABLE', {
        path: showPath(path),
        reason:
          `it has more than ${constants.MAX_STRING_LENGTH} bytes, which is too large for a format that ` +
          'must fit in memory; convert it to JSON Lines or Parquet',
      });
    pieces.push(Buffer.from(piece));
  }
  return Buffer.concat(pieces);
}

/** The JSON value of the bytes; undefined if they are not valid JSON. */
function parseWhole(bytes: Buffer): unknown {
  if (!isUtf8(bytes)) return undefined;
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8').replace(/^\ufeff/, ''));
    return value;
  } catch {
    return undefined;
  }
}
