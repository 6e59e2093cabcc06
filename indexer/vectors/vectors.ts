// Vectors on disk, by the content of their text: Arrow IPC files of (key, vector). Each file is committed
// atomically, so a stopped run continues where it was and a later run embeds only new texts. A file name ends
// with the beginning of the file's SHA-256, which is checked before the Arrow library reads it: on damaged
// files the library may never return.

import { createHash } from 'node:crypto';
import { rename } from 'node:fs/promises';
import { basename, join } from 'node:path';
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
import { commitBytes } from '../../data/files/commit.ts';
import type { Report } from '../../run/progress.ts';
import { readRegular } from '../../run/regular-file.ts';
import type { Truncation } from '../../models/open.ts';
import type { Embedder, TextVectors } from '../../models/embedder.ts';
import { listFolder } from '../../data/files/files.ts';

/** Texts per file: about ten seconds of work on a small machine. */
const textsPerFile = 1024;

export interface Embedded {
  /** texts × dimensions, unit rows, in the order of the texts; zeros for refused texts. */
  vectors: Float32Array;
  /** Truncated texts, by their position in the input. */
  cuts: Map<number, Truncation>;
  /** Texts embedded now (equal ones count once), and texts whose vectors existed already. */
  embedded: number;
  reused: number;
  seconds: number;
}

export interface VectorStore {
  /**
   * `refused` is called for each text that the embedder refuses at any length; without it, such a text is an
   * error.
   */
  embed(
    texts: readonly string[],
    report: Report,
    stage: string,
    refused?: (text: number, reason: string) => void,
  ): Promise<Embedded>;
}

/** Known vectors and truncations, by text hash. */
interface Known {
  vectors: Map<string, Float32Array>;
  cuts: Map<string, Truncation>;
}

/**
 * Opens the vectors of an embedder under `folder`. A damaged file is renamed to FILE.damaged, and its texts
 * are embedded again.
 */
export async function openVectors(embedder: TextVectors, folder: string): Promise<VectorStore> {
  const { dimensions, isUnit = true } = embedder;
  const own = join(folder, embedder.fingerprint.slice(0, 16));
  const known: Known = { vectors: new Map(), cuts: new Map() };
  let files = 0;
  for (const name of await listVectorFiles(own)) {
    await readVectors(join(own, name), dimensions, isUnit, known);
    files = Math.max(files, 1 + Number(fileName.exec(name)?.[1] ?? 0));
  }
  return {
    async embed(texts, report, stage, refused) {
      const startedMs = performance.now();
      const keys = texts.map((text) => shortHash(text));
      const missing = new Map<string, string>();
      for (const [i, key] of keys.entries()) if (!known.vectors.has(key)) missing.set(key, texts[i] ?? '');
      const todo = [...missing];
      const reused = keys.filter((key) => !missing.has(key)).length;
      const refusedKeys = new Set<string>();
      const tellRefused = (refusedKey: string, reason: string): void => {
        refusedKeys.add(refusedKey);
        for (const [i, key] of keys.entries()) if (key === refusedKey) refused?.(i, reason);
      };
      for (let start = 0; start < todo.length; start += textsPerFile) {
        report({ stage, done: reused + start, total: texts.length, unit: 'documents' });
        const part = todo.slice(start, start + textsPerFile);
        const cuts = new Map<string, Truncation>();
        const vectors = await embedder.embed(
          part.map(([, text]) => text),
          {
            cut: (text, cut) => cuts.set(part[text]?.[0] ?? '', cut),
            ...(refused === undefined
              ? {}
              : { refused: (text, reason) => tellRefused(part[text]?.[0] ?? '', reason) }),
          },
        );
        const rows = new Map(
          [...part.keys()].map((row): [string, Float32Array] => [
            part[row]?.[0] ?? '',
            vectors.subarray(row * dimensions, (row + 1) * dimensions),
          ]),
        );
        for (const key of refusedKeys) rows.delete(key);
        if (rows.size > 0) {
          const bytes = encodeVectors({ vectors: rows, cuts }, dimensions);
          await commitBytes(
            join(own, `vectors-${String(files++).padStart(5, '0')}-${shortHash(bytes)}.arrow`),
            bytes,
          );
        }
        for (const [key, vector] of rows) known.vectors.set(key, vector);
        for (const [key, cut] of cuts) known.cuts.set(key, cut);
      }
      report({ stage, done: texts.length, total: texts.length, unit: 'documents' });
      const all = new Float32Array(texts.length * dimensions);
      const cuts = new Map<number, Truncation>();
      for (const [i, key] of keys.entries()) {
        all.set(known.vectors.get(key) ?? [], i * dimensions);
        const cut = known.cuts.get(key);
        if (cut !== undefined) cuts.set(i, cut);
      }
      return {
        vectors: all,
        cuts,
        embedded: todo.length - refusedKeys.size,
        reused,
        seconds: (performance.now() - startedMs) / 1000,
      };
    },
  };
}

const fileName = /^vectors-(\d+)-([0-9a-f]{32})\.arrow$/;

/** 128 bits of a SHA-256, as hex: the key of a text's vector, and the end of a file's name. */
function shortHash(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex').slice(0, 32);
}

/**
 * The vectors of texts embedded earlier, as unit rows in order, without holding others in memory; undefined
 * if one is missing. Examples are embedded first, so the first files have all of theirs.
 */
export async function findVectors(
  { fingerprint, dimensions }: Pick<Embedder, 'fingerprint' | 'dimensions'>,
  folder: string,
  texts: readonly string[],
): Promise<Float32Array | undefined> {
  const own = join(folder, fingerprint.slice(0, 16));
  const keys = texts.map((text) => shortHash(text));
  const missing = new Set(keys);
  const found = new Map<string, Float32Array>();
  for (const name of await listVectorFiles(own)) {
    if (missing.size === 0) break;
    for (const [key, vector] of (await decodeFile(join(own, name), dimensions, true)).vectors)
      if (missing.delete(key)) found.set(key, vector.slice());
  }
  if (missing.size > 0) return undefined;
  const all = new Float32Array(texts.length * dimensions);
  for (const [i, key] of keys.entries()) all.set(found.get(key) ?? [], i * dimensions);
  return all;
}

async function listVectorFiles(folder: string): Promise<string[]> {
  return (await listFolder(folder)).filter((name) => fileName.test(name)).sort();
}

function encodeVectors({ vectors, cuts }: Known, dimensions: number): Uint8Array {
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

async function readVectors(path: string, dimensions: number, isUnit: boolean, into: Known): Promise<void> {
  try {
    const { vectors, cuts } = await decodeFile(path, dimensions, isUnit);
    for (const [key, vector] of vectors) into.vectors.set(key, vector);
    for (const [key, cut] of cuts) into.cuts.set(key, cut);
  } catch {
    await rename(path, `${path}.damaged`);
  }
}

/** Throws if the file's bytes are not the ones written. */
async function decodeFile(path: string, dimensions: number, isUnit: boolean): Promise<Known> {
  const bytes = await readRegular(path);
  if (shortHash(bytes) !== fileName.exec(basename(path))?.[2])
    throw new Error('its bytes are not the ones written');
  return decodeVectors(bytes, dimensions, isUnit);
}

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
