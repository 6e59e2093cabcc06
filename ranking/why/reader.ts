// Texts from the corpus's files, in bounded work and memory: two passes over shards at a time, each bounded in time, a row in one pass only, and what was
// read kept for a while, with the shards themselves where they are small. Who asks waits so long at most; a pass that takes longer goes on, so that asking
// again finds what it read.

import { openBoundedCache } from '../../data/files/bounded-cache.ts';
import type { Shard } from '../../data/documents.ts';
import { type BetrError, errorData, errorFrom, fail } from '../../run/errors/errors.ts';
import type { FieldNames } from '../../run/settings.ts';
import { readTexts } from '../../data/texts.ts';
import { Gate } from './gate.ts';
import { type KeptLimits, openKeptShards, readKeptText } from './shard-cache.ts';

/** The beginning of a text, or all of it. */
export interface TextHead {
  head: Uint8Array;
  /** Of the whole text. */
  bytes: number;
}

export interface TextReader {
  /**
   * For each row its text, whole or the first 64 KiB, or why it is not there: TEXT_TOO_FAR where `withinMs` were not enough, SHARD_CHANGED where the row
   * has no text, BUSY, or what reading the file throws.
   */
  read(shard: Shard, rows: readonly number[], whole: boolean, withinMs: number): Promise<Map<number, TextHead | BetrError>>;
}

export interface ReaderLimits {
  passesAtOnce: number;
  passesWaiting: number;
  passMs: number;
  cacheBytes: number;
  kept: KeptLimits;
}

const defaultLimits: ReaderLimits = { passesAtOnce: 2, passesWaiting: 64, passMs: 120_000, cacheBytes: 64 << 20, kept: { shardBytes: 64 << 20, bytes: 256 << 20 } };
export const headBytes = 64 << 10;
/** Longer texts are kept by their heads only. */
const wholeBytes = 1 << 20;

export function openTextReader(fields: FieldNames, limits: ReaderLimits = defaultLimits): TextReader {
  const cache = openBoundedCache<string, TextHead>(limits.cacheBytes, ({ head }) => head.length);
  const underWay = new Map<string, Promise<TextHead | BetrError>>();
  const gate = new Gate(limits.passesAtOnce, limits.passesWaiting);
  const keptShards = openKeptShards(fields, limits.kept, () => gate.load().working > 0);

  /** One pass over a shard; every row's promise is kept. */
  const startPass = (shard: Shard, rows: readonly number[], whole: boolean): void => {
    const settle = new Map<number, (result: TextHead | BetrError) => void>();
    for (const row of rows) {
      const key = keyOf(shard, row, whole);
      const promise = new Promise<TextHead | BetrError>((resolve) => settle.set(row, resolve));
      underWay.set(key, promise);
      void promise.then(() => underWay.delete(key));
    }
    const pass = async (): Promise<void> => {
      const signal = AbortSignal.timeout(limits.passMs);
      for await (const { row, text } of readTexts(shard, fields, rows, signal)) {
        cache.set(keyOf(shard, row, text.length <= wholeBytes), cutHead(text, text.length <= wholeBytes));
        settle.get(row)?.(cutHead(text, whole));
      }
      for (const resolve of settle.values()) resolve(fail('SHARD_CHANGED', { path: shard.name }));
      keptShards.keepSoon(shard);
    };
    gate.enter(pass).catch((error: unknown) => {
      for (const [row, resolve] of settle) resolve(isTimeout(error) ? tooFar(shard, row, limits.passMs) : errorFrom(errorData(error)));
    });
  };

  const findKept = (shard: Shard, row: number, whole: boolean): TextHead | BetrError | undefined => {
    const kept = keptShards.get(shard);
    if (kept === undefined) return undefined;
    const text = readKeptText(kept, row);
    return text === undefined ? fail('SHARD_CHANGED', { path: shard.name }) : cutHead(text, whole);
  };

  const find = (shard: Shard, row: number, whole: boolean): TextHead | BetrError | Promise<TextHead | BetrError> | undefined =>
    findKept(shard, row, whole) ?? cache.get(keyOf(shard, row, true)) ?? (whole ? undefined : cache.get(keyOf(shard, row, false))) ?? underWay.get(keyOf(shard, row, true)) ?? (whole ? undefined : underWay.get(keyOf(shard, row, false)));

  return {
    async read(shard, rows, whole, withinMs) {
      const missing = rows.filter((row) => find(shard, row, whole) === undefined);
      if (missing.length > 0) startPass(shard, missing, whole);
      const found = new Map(rows.map((row) => [row, Promise.resolve(find(shard, row, whole))]));
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<undefined>((resolve) => (timer = setTimeout(() => resolve(undefined), withinMs)));
      const results = await Promise.all([...found].map(async ([row, result]) => [row, (await Promise.race([result, late])) ?? tooFar(shard, row, withinMs)] as const));
      clearTimeout(timer);
      return new Map(results);
    },
  };
}

function cutHead(text: Uint8Array, whole: boolean): TextHead {
  return { head: whole || text.length <= headBytes ? text : text.slice(0, headBytes), bytes: text.length };
}

function keyOf(shard: Shard, row: number, whole: boolean): string {
  return JSON.stringify([shard.path, shard.bytes, shard.modifiedMs, row, whole]);
}

function tooFar(shard: Shard, row: number, ms: number): BetrError {
  return fail('TEXT_TOO_FAR', { shard: shard.name, row, seconds: Math.ceil(ms / 1000) });
}

function isTimeout(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'TimeoutError';
}
