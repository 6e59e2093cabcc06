// Files of vectors: Arrow IPC tables of (key, vector), with the hash of their bytes in the name.

import { createHash } from 'node:crypto';
import type { Truncation } from '../../models/embedder.ts';
import { listFolder } from '../../data/files/files.ts';
import {
  Field,
  FixedSizeList,
  Float32,
  makeData,
  makeVector,
  Table,
  tableFromIPC,
  tableToIPC,
  Utf8,
  Vector,
  vectorFromArray,
} from 'apache-arrow';
import { z } from 'zod';
import { basename } from 'node:path';
import { readRegular } from '../../run/regular-file.ts';
import { rename } from 'node:fs/promises';

/** Known vectors and truncations, by text hash. */
export interface Known {
  vectors: Map<string, Float32Array>;
  cuts: Map<string, Truncation>;
}

export const fileName = /^vectors-(\d+)-([0-9a-f]{32})\.arrow$/;

/** 128 bits of a SHA-256, as hex: the key of a text's vector, and the end of a file's name. */
export function shortHash(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 32);
}

export async function listVectorFiles(folder: string): Promise<string[]> {
  return (await listFolder(folder)).filter((name) => fileName.test(name)).sort();
}

export function encodeVectors({ vectors, cuts }: Known, dimensions: number): Uint8Array {
  const keys = [...vectors.keys()];
  const data = new Float32Array(keys.length * dimensions);
  for (const [row, vector] of [...vectors.values()].entries()) data.set(vector, row * dimensions);
  const type = new FixedSizeList(dimensions, new Field('item', new Float32(), false));
  const rows = makeData({
    type,
    length: keys.length,
    nullCount: 0,
    child: makeData({ type: new Float32(), data }),
  });
  const table = { key: vectorFromArray(keys, new Utf8()), vector: new Vector([rows]) };
  if (cuts.size === 0) return tableToIPC(new Table(table), 'file');
  /** 0 if the whole text is in the vector. */
  const lengths = (of: keyof Truncation): Vector =>
    makeVector(Uint32Array.from(keys, (key) => cuts.get(key)?.[of] ?? 0));
  return tableToIPC(new Table({ ...table, cutFrom: lengths('from'), cutTo: lengths('to') }), 'file');
}

const valuesSchema = z.instanceof(Float32Array);
const keySchema = z.string().length(32);

/**
 * Throws if the file is not what `encodeVectors` wrote, or if a vector that should be a unit vector is not.
 */
function decodeVectors(bytes: Uint8Array, dimensions: number, isUnit: boolean): Known {
  const table = tableFromIPC(bytes);
  const keys = table.getChild('key');
  const values = valuesSchema.parse(table.getChild('vector')?.data[0]?.children[0]?.values);
  if (keys === null || keys.length === 0 || values.length !== keys.length * dimensions)
    throw new Error('keys and vectors do not match');
  const [from, to] = [table.getChild('cutFrom'), table.getChild('cutTo')];
  const vectors = new Map<string, Float32Array>();
  const cuts = new Map<string, Truncation>();
  for (let row = 0; row < keys.length; row++) {
    const vector = values.subarray(row * dimensions, (row + 1) * dimensions);
    const squared = vector.reduce((sum, value) => sum + value * value, 0);
    if (isUnit && !(Math.abs(squared - 1) < 1e-3)) throw new Error('a vector is not of length 1');
    const key = keySchema.parse(keys.get(row));
    vectors.set(key, vector);
    const cut = { from: Number(from?.get(row) ?? 0), to: Number(to?.get(row) ?? 0) };
    if (cut.from > 0) cuts.set(key, cut);
  }
  return { vectors, cuts };
}

/** Throws if the file's bytes are not the ones written. */
export async function decodeFile(path: string, dimensions: number, isUnit: boolean): Promise<Known> {
  const bytes = await readRegular(path);
  if (shortHash(bytes) !== fileName.exec(basename(path))?.[2])
    throw new Error('its bytes are not the ones written');
  return decodeVectors(bytes, dimensions, isUnit);
}

export async function readVectors(
  path: string,
  dimensions: number,
  isUnit: boolean,
  into: Known,
): Promise<void> {
  try {
    const { vectors, cuts } = await decodeFile(path, dimensions, isUnit);
    for (const [key, vector] of vectors) into.vectors.set(key, vector);
    for (const [key, cut] of cuts) into.cuts.set(key, cut);
  } catch {
    await rename(path, `${path}.damaged`);
  }
}
