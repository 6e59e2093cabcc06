// Reads the metadata at the end of a Parquet file: its schema, and where the values of each column are.
// DuckDB is not used because it renames columns that differ only in case. Metadata that is only copied into
// other files stays encoded.

import { type Cursor, openCursor } from './cursor.ts';
import { readBetween, statFile } from '../files/files.ts';
import type { FileRange } from '../remote/store.ts';
import { listLeaves, readSchema, type SchemaNode } from './schema.ts';
import { integerReader, rawReader, readList, readStruct, skipValue, type ThriftValue } from './thrift.ts';
import { isRemote } from '../../run/address.ts';

/** The values of one leaf in one row group. */
export interface ColumnChunk {
  codec: number;
  /** Includes nulls, and the empty lists of nested columns. */
  values: number;
  /** The byte range of its pages in the file. */
  start: number;
  end: number;
  /** Where its first data page is; a dictionary may come before it. */
  dataStart: number;
  uncompressedBytes: number;
  isEncrypted: boolean;
  /** Whether it is in another file. */
  isElsewhere: boolean;
  /** As written: the whole struct, its path in the schema, and its key-value metadata. */
  raw: Uint8Array;
  path: ThriftValue | undefined;
  notes: ThriftValue | undefined;
}

export interface RowGroup {
  firstRow: number;
  rows: number;
  /** By leaf. */
  chunks: ColumnChunk[];
}

export interface Footer {
  root: SchemaNode;
  leaves: SchemaNode[];
  rows: number;
  groups: RowGroup[];
  /** The fields of the file's metadata except row groups, as written. */
  raw: ReadonlyMap<number, ThriftValue>;
}

/** How much to read at first. Most footers fit; for a remote file, a larger read costs about the same. */
const tailBytes = (path: string): number => (isRemote(path) ? 1 << 18 : 1 << 16);

/**
 * Reads the footer of a local or remote file. Errors: those of `statFile` and of reading; throws if the
 * footer is missing or damaged.
 */
export async function readFooter(path: string): Promise<Footer> {
  const { bytes } = await statFile(path);
  let tail = await readAll(path, {
    start: Math.max(0, bytes - tailBytes(path)),
    end: bytes,
    fileBytes: bytes,
  });
  const magic = tail.toString('latin1', Math.max(0, tail.length - 4));
  if (magic === 'PARE') throw new Error('its footer is encrypted');
  const footerBytes = bytes < 12 || magic !== 'PAR1' ? Infinity : tail.readUInt32LE(tail.length - 8);
  if (footerBytes > bytes - 12) throw new Error('it is not a Parquet file');
  if (footerBytes > tail.length - 8)
    tail = await readAll(path, { start: bytes - 8 - footerBytes, end: bytes, fileBytes: bytes });
  return parseFooter(tail.subarray(tail.length - 8 - footerBytes, tail.length - 8));
}

async function readAll(path: string, range: FileRange): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of readBetween(path, range)) pieces.push(Uint8Array.from(piece));
  const bytes = Buffer.concat(pieces);
  if (bytes.length < range.end - range.start) throw new Error('it ends early');
  return bytes;
}

/** Parses a footer; the result refers to `bytes`. */
export function parseFooter(bytes: Uint8Array): Footer {
  const cursor = openCursor(bytes);
  const raw = new Map<number, ThriftValue>();
  const keep = (id: number): ((type: number) => void) =>
    rawReader(bytes, cursor, (value) => raw.set(id, value));
  const groups: RowGroup[] = [];
  readStruct(cursor, {
    ...Object.fromEntries([1, 2, 5, 6, 7, 8, 9].map((id) => [id, keep(id)])),
    4: () => readList(cursor, () => groups.push(readRowGroup(bytes, cursor))),
  });
  const root = readSchema(raw.get(2));
  const leaves = listLeaves(root);
  let firstRow = 0;
  for (const group of groups) {
    if (group.chunks.length !== leaves.length)
      throw new Error('a row group does not have as many columns as the schema');
    group.firstRow = firstRow;
    firstRow += group.rows;
  }
  return { root, leaves, rows: firstRow, groups, raw };
}

function readRowGroup(bytes: Uint8Array, cursor: Cursor): RowGroup {
  const group: RowGroup = { firstRow: 0, rows: 0, chunks: [] };
  readStruct(cursor, {
    1: () => readList(cursor, () => group.chunks.push(readChunk(bytes, cursor))),
    3: integerReader(cursor, (rows) => (group.rows = rows)),
  });
  if (group.rows < 0) throw new Error('a row group has an invalid row count');
  return group;
}

function readChunk(bytes: Uint8Array, cursor: Cursor): ColumnChunk {
  const from = cursor.at();
  const chunk: ColumnChunk = {
    codec: 0,
    values: 0,
    start: 0,
    end: 0,
    dataStart: 0,
    uncompressedBytes: 0,
    isEncrypted: false,
    isElsewhere: false,
    raw: bytes,
    path: undefined,
    notes: undefined,
  };
  let dictionaryStart = 0;
  let compressedBytes = 0;
  const metadata = {
    3: rawReader(bytes, cursor, (value) => (chunk.path = value)),
    4: integerReader(cursor, (value) => (chunk.codec = value)),
    5: integerReader(cursor, (value) => (chunk.values = value)),
    6: integerReader(cursor, (value) => (chunk.uncompressedBytes = value)),
    7: integerReader(cursor, (value) => (compressedBytes = value)),
    8: rawReader(bytes, cursor, (value) => (chunk.notes = value)),
    9: integerReader(cursor, (value) => (chunk.dataStart = value)),
    11: integerReader(cursor, (value) => (dictionaryStart = value)),
  };
  const mark =
    (take: () => void) =>
    (type: number): void => {
      skipValue(cursor, type);
      take();
    };
  readStruct(cursor, {
    1: mark(() => (chunk.isElsewhere = true)),
    3: () => readStruct(cursor, metadata),
    8: mark(() => (chunk.isEncrypted = true)),
    9: mark(() => (chunk.isEncrypted = true)),
  });
  // Some writers store 0 if there is no dictionary.
  chunk.start = dictionaryStart > 0 ? Math.min(dictionaryStart, chunk.dataStart) : chunk.dataStart;
  chunk.end = chunk.start + compressedBytes;
  if (!(chunk.values >= 0 && compressedBytes >= 0 && chunk.start >= 0))
    throw new Error('a column has an invalid position in the file');
  chunk.raw = bytes.subarray(from, cursor.at());
  return chunk;
}
