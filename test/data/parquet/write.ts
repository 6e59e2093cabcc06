// A writer of Parquet files byte by byte, for pages that no other writer makes: columns of byte arrays, plain
// pages of version 1, in Thrift's compact protocol.

import { writeFile } from 'node:fs/promises';

/** A value in Thrift's compact protocol, with its type. */
interface Value {
  type: number;
  bytes: Buffer;
}

export const varInt = (value: number): Buffer =>
  value < 128
    ? Buffer.from([value])
    : Buffer.concat([Buffer.from([(value % 128) | 128]), varInt(Math.floor(value / 128))]);
const int32 = (value: number): Value => ({ type: 5, bytes: varInt(2 * value) });
const int64 = (value: number): Value => ({ type: 6, bytes: varInt(2 * value) });
const text = (value: string): Value => ({
  type: 8,
  bytes: Buffer.concat([varInt(Buffer.byteLength(value)), Buffer.from(value)]),
});
const list = (values: Value[]): Value => ({
  type: 9,
  bytes: Buffer.concat([
    Buffer.from([0xf0 | (values[0]?.type ?? 5)]),
    varInt(values.length),
    ...values.map(({ bytes }) => bytes),
  ]),
});
/** Fields by their numbers, in order. */
function struct(fields: Record<number, Value | undefined>): Value {
  let last = 0;
  const parts = Object.entries(fields).flatMap(([id, value]) => {
    if (value === undefined) return [];
    const head = Buffer.from([((Number(id) - last) << 4) | value.type]);
    last = Number(id);
    return [head, value.bytes];
  });
  return { type: 12, bytes: Buffer.concat([...parts, Buffer.from([0])]) };
}

/** The header of a data page of version 1. */
export const pageHeader = (values: number, uncompressedBytes: number, compressedBytes: number): Buffer =>
  struct({
    1: int32(0),
    2: int32(uncompressedBytes),
    3: int32(compressedBytes),
    5: struct({ 1: int32(values), 2: int32(0), 3: int32(3), 4: int32(3) }),
  }).bytes;

export interface Page {
  values: number;
  content: Buffer;
  /** As compressed; left out: as it is. */
  compressed?: Buffer;
  /** In place of what it should have. */
  header?: Buffer;
}

/**
 * A column of the top level, or a field of a struct of it ("parent", "name"), whose fields follow each other.
 */
export interface WrittenColumn {
  path: [string] | [string, string];
  pages: Page[];
  codec?: 'UNCOMPRESSED' | 'SNAPPY' | 'GZIP';
  required?: boolean;
  /** Bytes of each value, where that is fixed. */
  fixed?: number;
}

const codecs = { UNCOMPRESSED: 0, SNAPPY: 1, GZIP: 2 };

/** Writes a file of one row group. */
export async function writeParquet(
  path: string,
  rows: number,
  columns: readonly WrittenColumn[],
): Promise<void> {
  const parts: Buffer[] = [Buffer.from('PAR1')];
  let at = 4;
  const chunks = columns.map(({ path: names, pages, codec = 'UNCOMPRESSED', fixed }) => {
    const start = at;
    let uncompressed = 0;
    for (const {
      values,
      content,
      compressed = content,
      header = pageHeader(values, content.length, compressed.length),
    } of pages) {
      parts.push(header, compressed);
      at += header.length + compressed.length;
      uncompressed += header.length + content.length;
    }
    const type = int32(fixed === undefined ? 6 : 7);
    return struct({
      2: int64(start),
      3: struct({
        1: type,
        2: list([int32(0), int32(3)]),
        3: list(names.map(text)),
        4: int32(codecs[codec]),
        5: int64(rows),
        6: int64(uncompressed),
        7: int64(at - start),
        9: int64(start),
      }),
    });
  });
  const isInside = (i: number, parent: string): boolean =>
    columns[i]?.path.length === 2 && columns[i].path[0] === parent;
  let children = 0;
  const schema = columns.flatMap(({ path: names, required = false, fixed }, i) => {
    const [first, second] = names;
    if (second === undefined || !isInside(i - 1, first)) children++;
    const own = struct({
      1: int32(fixed === undefined ? 6 : 7),
      2: fixed === undefined ? undefined : int32(fixed),
      3: int32(required ? 0 : 1),
      4: text(second ?? first),
      6: fixed === undefined ? int32(0) : undefined,
    });
    if (second === undefined || isInside(i - 1, first)) return [own];
    const fields = columns.slice(i).findIndex((_, next) => !isInside(i + next, first));
    return [struct({ 3: int32(0), 4: text(first), 5: int32(fields < 0 ? columns.length - i : fields) }), own];
  });
  const root = struct({ 4: text('schema'), 5: int32(children) });
  const footer = struct({
    1: int32(1),
    2: list([root, ...schema]),
    3: int64(rows),
    4: list([struct({ 1: list(chunks), 2: int64(at), 3: int64(rows) })]),
  }).bytes;
  const length = Buffer.alloc(4);
  length.writeUInt32LE(footer.length);
  await writeFile(path, Buffer.concat([...parts, footer, length, Buffer.from('PAR1')]));
}

/** Values one after the other, each behind its length. */
export function plainValues(values: readonly (string | Buffer)[]): Buffer {
  return Buffer.concat(
    values.flatMap((value) => {
      const [length, bytes] = [Buffer.alloc(4), Buffer.from(value)];
      length.writeUInt32LE(bytes.length);
      return [length, bytes];
    }),
  );
}

/** Levels that say that all of so many values are there. */
export function allThere(values: number): Buffer {
  const run = Buffer.concat([varInt(2 * values), Buffer.from([1])]);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(run.length);
  return Buffer.concat([length, run]);
}

/** A page of values that are all there. */
export const pageOf = (values: readonly (string | Buffer)[]): Page => ({
  values: values.length,
  content: Buffer.concat([allThere(values.length), plainValues(values)]),
});
