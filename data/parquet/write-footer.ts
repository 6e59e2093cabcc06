// Writes the footer of a copied Parquet file from the footer of its source.

import { zstdCodec } from './codecs.ts';
import type { Edits } from './copy-column.ts';
import { openCursor } from './cursor.ts';
import type { ColumnChunk, Footer } from './footer.ts';
import { physicalTypes, type SchemaNode } from './schema.ts';
import {
  binary,
  binaryReader,
  i32,
  readList,
  readStruct,
  struct,
  type ThriftValue,
  writeBinary,
  writeI32,
  writeI64,
  writeList,
  writeStruct,
} from './thrift.ts';
import type { WrittenChunk } from './write-chunk.ts';

/** A row group of the copy. */
export interface WrittenGroup {
  rows: number;
  /** By leaf; `first` is a chunk of the same leaf in the source. */
  chunks: { leaf: SchemaNode; first: ColumnChunk | undefined; written: WrittenChunk }[];
}

type SchemaEdits = Pick<Edits, 'optional' | 'added'>;

/** The metadata of a copy with these row groups and edits. */
export function writeFooter(footer: Footer, groups: readonly WrittenGroup[], edits: SchemaEdits): Uint8Array {
  const rowGroups = groups.map(({ rows: own, chunks }) => {
    const bytes = chunks.reduce((sum, { written }) => sum + written.uncompressedBytes, 0);
    const columns = chunks.map(
      ({ leaf, first, written }) =>
        writeStruct({ 2: writeI64(0), 3: describeChunk(leaf, first, written) }).bytes,
    );
    return writeStruct({ 1: writeList(struct, columns), 2: writeI64(bytes), 3: writeI64(own) }).bytes;
  });
  const { raw } = footer;
  return writeStruct({
    1: raw.get(1),
    2: writeSchema(footer, edits),
    3: writeI64(groups.reduce((sum, { rows }) => sum + rows, 0)),
    4: writeList(struct, rowGroups),
    5: edits.added === undefined ? raw.get(5) : withoutArrowSchema(raw.get(5)),
    6: writeBinary(Buffer.from('betr')),
    // One order of values for each column, for statistics, which a copy has not.
    7: edits.added === undefined ? raw.get(7) : undefined,
  }).bytes;
}

/** A required column of 32-bit numbers beside the others. */
export function addedLeaf(name: string): SchemaNode {
  return {
    name,
    repetition: 'required',
    children: [],
    type: 'INT32',
    leaf: -1,
    typeLength: 0,
    isText: false,
    maxDefinition: 0,
    maxRepetition: 0,
    raw: new Map([
      [1, writeI32(physicalTypes.indexOf('INT32'))],
      [3, writeI32(0)],
      [4, writeBinary(Buffer.from(name))],
    ]),
  };
}

function writeSchema({ root, raw }: Footer, { optional, added }: SchemaEdits): ThriftValue | undefined {
  if (optional.size === 0 && added === undefined) return raw.get(2);
  const elements: Uint8Array[] = [];
  const write = (node: SchemaNode): void => {
    elements.push(
      writeStruct({
        ...Object.fromEntries(node.raw),
        ...(optional.has(node) ? { 3: writeI32(1) } : {}),
        ...(added !== undefined && node === root ? { 5: writeI32(root.children.length + 1) } : {}),
      }).bytes,
    );
    node.children.forEach(write);
  };
  write(root);
  if (added !== undefined) write(addedLeaf(added.name));
  return writeList(struct, elements);
}

/** Arrow's readers ignore their own schema if it lacks a column, or refuse the file. */
function withoutArrowSchema(notes: ThriftValue | undefined): ThriftValue | undefined {
  if (notes === undefined) return undefined;
  const kept: Uint8Array[] = [];
  const cursor = openCursor(notes.bytes);
  readList(cursor, () => {
    const start = cursor.at();
    let key = '';
    readStruct(cursor, { 1: binaryReader(cursor, (bytes) => (key = Buffer.from(bytes).toString())) });
    if (key !== 'ARROW:schema') kept.push(notes.bytes.subarray(start, cursor.at()));
  });
  return writeList(struct, kept);
}

function describeChunk(
  { type, name }: SchemaNode,
  first: ColumnChunk | undefined,
  { encodings, entries, uncompressedBytes, compressedBytes, dataStart, dictionaryStart }: WrittenChunk,
): ThriftValue {
  return writeStruct({
    1: writeI32(type === undefined ? 0 : physicalTypes.indexOf(type)),
    2: writeList(
      i32,
      encodings.map((encoding) => writeI32(encoding).bytes),
    ),
    // An added column is beside the others, so its path is its name.
    3: first?.path ?? writeList(binary, [writeBinary(Buffer.from(name)).bytes]),
    4: writeI32(zstdCodec),
    5: writeI64(entries),
    6: writeI64(uncompressedBytes),
    7: writeI64(compressedBytes),
    8: first?.notes,
    9: writeI64(dataStart),
    11: dictionaryStart === undefined ? undefined : writeI64(dictionaryStart),
  });
}
