// Writes the footer of a copied Parquet file from the footer of its source.

import { zstdCodec } from './codecs.ts';
import type { ColumnChunk, Footer } from './footer.ts';
import { physicalTypes, type SchemaNode } from './schema.ts';
import {
  i32,
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

/** The metadata of a copy with these row groups, in which the leaves in `optional` are nullable. */
export function writeFooter(
  footer: Footer,
  groups: readonly WrittenGroup[],
  optional: ReadonlySet<SchemaNode>,
): Uint8Array {
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
    2: writeSchema(footer, optional),
    3: writeI64(groups.reduce((sum, { rows }) => sum + rows, 0)),
    4: writeList(struct, rowGroups),
    5: raw.get(5),
    6: writeBinary(Buffer.from('betr')),
    7: raw.get(7),
  }).bytes;
}

function writeSchema({ root, raw }: Footer, optional: ReadonlySet<SchemaNode>): ThriftValue | undefined {
  if (optional.size === 0) return raw.get(2);
  const elements: Uint8Array[] = [];
  const write = (node: SchemaNode): void => {
    elements.push(
      writeStruct({ ...Object.fromEntries(node.raw), ...(optional.has(node) ? { 3: writeI32(1) } : {}) })
        .bytes,
    );
    node.children.forEach(write);
  };
  write(root);
  return writeList(struct, elements);
}

function describeChunk(
  { type }: SchemaNode,
  first: ColumnChunk | undefined,
  { encodings, entries, uncompressedBytes, compressedBytes, dataStart, dictionaryStart }: WrittenChunk,
): ThriftValue {
  return writeStruct({
    1: writeI32(type === undefined ? 0 : physicalTypes.indexOf(type)),
    2: writeList(
      i32,
      encodings.map((encoding) => writeI32(encoding).bytes),
    ),
    3: first?.path,
    4: writeI32(zstdCodec),
    5: writeI64(entries),
    6: writeI64(uncompressedBytes),
    7: writeI64(compressedBytes),
    8: first?.notes,
    9: writeI64(dataStart),
    11: dictionaryStart === undefined ? undefined : writeI64(dictionaryStart),
  });
}
