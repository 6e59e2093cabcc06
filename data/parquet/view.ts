// Builds a footer that gives DuckDB a view of some columns of a Parquet file, with generated names and with
// strings as bytes. So column names do not matter, nor whether strings are valid UTF-8. The values keep their
// offsets.

import { sqlName } from '../duckdb/duckdb.ts';
import { type Footer } from './footer.ts';
import type { SchemaNode } from './schema.ts';
import {
  type ThriftValue,
  writeBinary,
  writeI32,
  writeI64,
  writeList,
  writeStruct,
  struct,
} from './thrift.ts';

export interface View {
  footer: Uint8Array;
  /** A column's name in SQL. */
  sqlOf: (path: readonly SchemaNode[]) => string;
}

/** The view of the columns at these paths. */
export function buildView(
  { root, leaves, rows, groups, raw }: Footer,
  paths: readonly (readonly SchemaNode[])[],
): View {
  const shown = new Set(paths.flatMap((path) => [...path, ...path.slice(-1).flatMap(listNodes)]));
  const names = new Map<SchemaNode, string>();
  const elements: Uint8Array[] = [];
  const write = (node: SchemaNode): void => {
    const children = node.children.filter((child) => shown.has(child));
    names.set(node, `c${names.size}`);
    elements.push(writeElement(node, names.get(node) ?? '', children.length));
    children.forEach(write);
  };
  write(root);
  const kept = leaves.filter((leaf) => shown.has(leaf));
  const rowGroups = groups.map(({ rows: own, chunks }) => {
    const ownChunks = kept.flatMap(({ leaf }) => chunks[leaf] ?? []);
    return writeStruct({
      1: writeList(
        struct,
        ownChunks.map((chunk) => chunk.raw),
      ),
      2: writeI64(ownChunks.reduce((sum, chunk) => sum + chunk.uncompressedBytes, 0)),
      3: writeI64(own),
    }).bytes;
  });
  const footer = writeStruct({
    1: raw.get(1),
    2: writeList(struct, elements),
    3: writeI64(rows),
    4: writeList(struct, rowGroups),
    6: raw.get(6),
  }).bytes;
  return { footer, sqlOf: (path) => path.map((node) => sqlName(names.get(node) ?? '')).join('.') };
}

function listNodes(node: SchemaNode): SchemaNode[] {
  return [node, ...node.children.flatMap(listNodes)];
}

function writeElement({ raw, isText }: SchemaNode, name: string, children: number): Uint8Array {
  const fields: Record<number, ThriftValue | undefined> = {
    ...Object.fromEntries(raw),
    4: writeBinary(Buffer.from(name)),
    5: children === 0 ? undefined : writeI32(children),
  };
  return writeStruct(isText ? { ...fields, 6: undefined, 10: undefined } : fields).bytes;
}

/**
 * Whether DuckDB keeps the names of the columns at these paths: it treats names that differ only in case as
 * equal and renames all but one.
 */
export function hasPlainNames(root: SchemaNode, paths: readonly (readonly SchemaNode[])[]): boolean {
  const parents = [root, ...paths.flat()];
  return parents.every((parent) => {
    const names = parent.children.map(({ name }) => name.toLowerCase());
    return (
      new Set(names).size === names.length &&
      !names.some((name) => name === '' || name === rowNumber || /[\0\ufffd]/.test(name))
    );
  });
}

/** The column that DuckDB adds with row numbers. */
const rowNumber = 'file_row_number';
