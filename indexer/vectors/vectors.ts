// Vectors on disk, by the content of their text: Arrow IPC files of (key, vector). Each file is committed
// atomically, so a stopped run continues where it was and a later run embeds only new texts. A file name ends
// with the beginning of the file's SHA-256, which is checked before the Arrow library reads it: on damaged
// files the library may never return.

import { join } from 'node:path';
import { commitBytes } from '../../data/files/commit.ts';
import type { Report } from '../../run/progress.ts';
import type { Embedder, TextVectors, Truncation } from '../../models/embedder.ts';
import {
  decodeFile,
  encodeVectors,
  fileName,
  type Known,
  listVectorFiles,
  readVectors,
  shortHash,
} from './vector-files.ts';

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
