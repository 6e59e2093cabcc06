// Copies one column of the wanted rows of several row groups into one column chunk, by its bytes and levels.

import type { FileHandle } from 'node:fs/promises';
import { type DataPage, readChunkPages } from './chunk-pages.ts';
import { widthOf } from './page-values.ts';
import type { RowGroup } from './footer.ts';
import type { SchemaNode } from './schema.ts';
import { type ChunkWriter, openChunkWriter, type WrittenChunk, type WrittenFile } from './write-chunk.ts';

/** Changes to copied rows. */
export interface Edits {
  /** By row: how many copies of it to write. Other rows are written once. */
  copies: ReadonlyMap<number, number>;
  /**
   * By leaf (not inside a list): a function that returns the value in the given copy, from 0, of a row;
   * undefined makes it null.
   */
  values: ReadonlyMap<number, (row: number, copy: number, value: Uint8Array) => Uint8Array | undefined>;
  /** Leaves that become nullable. */
  optional: ReadonlySet<SchemaNode>;
  /** A column added as the last one, and its 32-bit number in each copied row. */
  added?: { name: string; values: ReadonlyMap<number, number> };
}

export const noEdits: Edits = { copies: new Map(), values: new Map(), optional: new Set() };

/** The rows to copy from a group, ascending, and how many times each is written. */
export interface WantedGroup {
  group: RowGroup;
  number: number;
  rows: number[];
  copies: number[];
}

/** Copies a column of the wanted rows into one column chunk of the new file. */
export async function copyColumn(
  source: FileHandle,
  file: WrittenFile,
  leaf: SchemaNode,
  batch: readonly WantedGroup[],
  edits: Edits,
): Promise<WrittenChunk> {
  const wasRequired = edits.optional.has(leaf);
  const writer = openChunkWriter(file, {
    maxDefinition: leaf.maxDefinition + (wasRequired ? 1 : 0),
    maxRepetition: leaf.maxRepetition,
    wasRequired,
    isBoolean: leaf.type === 'BOOLEAN',
    width: leaf.type === undefined ? 0 : widthOf(leaf.type, leaf.typeLength),
  });
  for (const wanted of batch)
    await (leaf.maxRepetition === 0
      ? copyFlat(source, writer, leaf, wanted, edits)
      : copyNested(source, writer, leaf, wanted));
  return writer.end();
}

/** Writes an added column's number in each copy of the wanted rows. */
export async function writeAdded(
  file: WrittenFile,
  batch: readonly WantedGroup[],
  values: ReadonlyMap<number, number>,
): Promise<WrittenChunk> {
  const writer = openChunkWriter(file, {
    maxDefinition: 0,
    maxRepetition: 0,
    wasRequired: false,
    isBoolean: false,
    width: widthOf('INT32', 0),
  });
  for (const { rows, copies } of batch) {
    for (const [i, row] of rows.entries()) {
      const value = Buffer.alloc(4);
      value.writeInt32LE(values.get(row) ?? 0);
      for (let copy = 0; copy < (copies[i] ?? 0); copy++) {
        if (writer.isFull()) await writer.flush();
        writer.addValue(value);
      }
    }
  }
  return writer.end();
}

/** Copies a column with one entry in each row. */
async function copyFlat(
  source: FileHandle,
  writer: ChunkWriter,
  leaf: SchemaNode,
  { group, number, rows, copies }: WantedGroup,
  edits: Edits,
): Promise<void> {
  const chunk = group.chunks[leaf.leaf];
  if (chunk === undefined) return;
  const edit = edits.values.get(leaf.leaf);
  let next = 0;
  let first = group.firstRow;
  const isWanted = (entries: number): boolean => (rows[next] ?? Infinity) < first + entries;
  for await (const page of readChunkPages(
    source,
    { ...chunk, column: leaf.name, group: number },
    chunk.codec,
    leaf,
    chunk.values,
    isWanted,
  )) {
    // Invariant: `value` is the number of values before the entry `at`.
    let [at, value] = [0, 0];
    const valuesTo = (entry: number): number => {
      if (page.values === undefined || page.definition === undefined) return entry;
      for (; at < entry; at++) if (page.definition[at] === leaf.maxDefinition) value++;
      return value;
    };
    for (; page.values !== undefined && next < rows.length; next++) {
      const row = rows[next] ?? 0;
      const entry = row - first;
      if (entry >= page.entries) break;
      const place = valuesTo(entry);
      const isThere = page.definition === undefined || page.definition[entry] === leaf.maxDefinition;
      for (let copy = 0; copy < (copies[next] ?? 0); copy++) {
        if (writer.isFull()) await writer.flush();
        if (edit === undefined || !isThere || !edits.copies.has(row))
          writer.add(page, entry, entry + 1, place);
        else addEdited(writer, edit(row, copy, valueOfEntry(page, place)));
      }
    }
    first += page.entries;
  }
  if (next < rows.length)
    throw new Error(`column "${leaf.name}" has fewer values than rows (row group ${number})`);
}

function addEdited(writer: ChunkWriter, value: Uint8Array | undefined): void {
  if (value === undefined) writer.addMissing();
  else writer.addValue(value);
}

function valueOfEntry({ values }: DataPage, place: number): Uint8Array {
  const [plain, index] =
    'indices' in values ? [values.dictionary, values.indices[place] ?? 0] : [values, place];
  return plain.width > 0
    ? plain.bytes.subarray(index * plain.width, (index + 1) * plain.width)
    : plain.bytes.subarray(plain.starts[index], plain.ends[index]);
}

/** Entries [from, to) of one row in one page, and the index of their first value. */
interface Piece {
  page: DataPage;
  from: number;
  to: number;
  value: number;
}

/** Copies a column with lists: a row has several entries, which may continue on the next page. */
async function copyNested(
  source: FileHandle,
  writer: ChunkWriter,
  leaf: SchemaNode,
  { group, number, rows, copies }: WantedGroup,
): Promise<void> {
  const chunk = group.chunks[leaf.leaf];
  if (chunk === undefined) return;
  let next = 0;
  let row = group.firstRow - 1;
  let pieces: Piece[] = [];
  const endRow = async (): Promise<void> => {
    if (rows[next] !== row) return;
    for (let copy = 0; copy < (copies[next] ?? 0); copy++) {
      if (writer.isFull()) await writer.flush();
      for (const { page, from, to, value } of pieces) writer.add(page, from, to, value);
    }
    pieces = [];
    next++;
  };
  for await (const page of readChunkPages(
    source,
    { ...chunk, column: leaf.name, group: number },
    chunk.codec,
    leaf,
    chunk.values,
    () => true,
  )) {
    if (page.values === undefined) continue;
    const { repetition, definition } = page;
    let value = 0;
    for (let at = 0; at < page.entries; at++) {
      if (repetition?.[at] === 0) {
        await endRow();
        row++;
      }
      if (rows[next] === row) {
        const last = pieces.at(-1);
        if (last?.page === page) last.to = at + 1;
        else pieces.push({ page, from: at, to: at + 1, value });
      }
      if (definition === undefined || definition[at] === leaf.maxDefinition) value++;
    }
  }
  await endRow();
  if (next < rows.length)
    throw new Error(`column "${leaf.name}" has fewer values than rows (row group ${number})`);
}
