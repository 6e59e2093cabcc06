// Reads texts from the corpus's files with bounded work and memory: two passes over shards at a time, each
// with a time limit, no row in two passes, and a cache of texts and of small shards. Callers wait for a
// limited time; a slower pass continues, so that a retry finds its results.

import { type BoundedCache, openBoundedCache } from '../../data/files/bounded-cache.ts';
import type { Shard } from '../../data/documents.ts';
import { type BetrError, errorData, errorFrom, fail } from '../../run/errors/errors.ts';
import type { FieldNames } from '../../run/settings.ts';
import { readTexts } from '../../data/texts.ts';
import { Gate } from './gate.ts';
import { type CachedShards, type CacheLimits, openCachedShards, readCachedText } from './shard-cache.ts';

/** The beginning of a text, or all of it. */
export interface TextHead {
  head: Uint8Array;
  /** Length of the complete text. */
  bytes: number;
}

export interface ReaderLimits {
  passesAtOnce: number;
  passesWaiting: number;
  passMs: number;
  cacheBytes: number;
  kept: CacheLimits;
}

const defaultLimits: ReaderLimits = {
  passesAtOnce: 2,
  passesWaiting: 64,
  passMs: 120_000,
  cacheBytes: 64 << 20,
  kept: { shardBytes: 64 << 20, bytes: 256 << 20 },
};
export const headBytes = 64 << 10;
/** Of longer texts, only the head is cached. */
const wholeBytes = 1 << 20;

/** Reads texts of shards, with a limited number of passes at a time. */
export class TextReader {
  readonly #fields: FieldNames;
  readonly #limits: ReaderLimits;
  readonly #cache: BoundedCache<string, TextHead>;
  readonly #underWay = new Map<string, Promise<TextHead | BetrError>>();
  readonly #gate: Gate;
  readonly #shards: CachedShards;
  readonly #closing = new AbortController();
  readonly #passes = new Set<Promise<unknown>>();

  constructor(fields: FieldNames, limits: ReaderLimits = defaultLimits) {
    this.#fields = fields;
    this.#limits = limits;
    this.#cache = openBoundedCache(limits.cacheBytes, ({ head }) => head.length);
    this.#gate = new Gate(limits.passesAtOnce, limits.passesWaiting);
    this.#shards = openCachedShards(fields, limits.kept, () => this.#gate.load().working > 0);
  }

  /**
   * For each row its text, complete or the first 64 KiB, or an error: TEXT_TOO_FAR if `withinMs` was not
   * enough, SHARD_CHANGED if the row has no text, BUSY, or those of reading the file.
   */
  async read(
    shard: Shard,
    rows: readonly number[],
    whole: boolean,
    withinMs: number,
  ): Promise<Map<number, TextHead | BetrError>> {
    const missing = rows.filter((row) => this.#find(shard, row, whole) === undefined);
    if (missing.length > 0) this.#startPass(shard, missing, whole);
    const found = new Map(rows.map((row) => [row, Promise.resolve(this.#find(shard, row, whole))]));
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<undefined>(
      (resolve) => (timer = setTimeout(() => resolve(undefined), withinMs)),
    );
    const results = await Promise.all(
      [...found].map(
        async ([row, result]) =>
          [row, (await Promise.race([result, late])) ?? tooFar(shard, row, withinMs)] as const,
      ),
    );
    clearTimeout(timer);
    return new Map(results);
  }

  /** Stops all reading, between two batches; resolves when nothing is being read any more. */
  async close(): Promise<void> {
    this.#closing.abort(fail('BUSY', { waiting: 0, seconds: 1 }));
    await Promise.all([...this.#passes, this.#shards.close()]);
  }

  #find(
    shard: Shard,
    row: number,
    whole: boolean,
  ): TextHead | BetrError | Promise<TextHead | BetrError> | undefined {
    const [wholeKey, headKey] = [keyOf(shard, row, true), keyOf(shard, row, false)];
    const ofWhole = this.#findCached(shard, row, whole) ?? this.#cache.get(wholeKey);
    if (whole) return ofWhole ?? this.#underWay.get(wholeKey);
    return ofWhole ?? this.#cache.get(headKey) ?? this.#underWay.get(wholeKey) ?? this.#underWay.get(headKey);
  }

  #findCached(shard: Shard, row: number, whole: boolean): TextHead | BetrError | undefined {
    const cached = this.#shards.get(shard);
    if (cached === undefined) return undefined;
    const text = readCachedText(cached, row);
    return text === undefined ? fail('SHARD_CHANGED', { path: shard.name }) : cutHead(text, whole);
  }

  /** Starts one pass over a shard, with a promise for every row. */
  #startPass(shard: Shard, rows: readonly number[], whole: boolean): void {
    const settle = new Map<number, (result: TextHead | BetrError) => void>();
    for (const row of rows) {
      const key = keyOf(shard, row, whole);
      const promise = new Promise<TextHead | BetrError>((resolve) => settle.set(row, resolve));
      this.#underWay.set(key, promise);
      void promise.then(() => this.#underWay.delete(key));
    }
    const pass = this.#gate
      .enter(() => this.#pass(shard, rows, whole, settle))
      .catch((error: unknown) => {
        for (const [row, resolve] of settle)
          resolve(isTimeout(error) ? tooFar(shard, row, this.#limits.passMs) : errorFrom(errorData(error)));
      })
      .finally(() => this.#passes.delete(pass));
    this.#passes.add(pass);
  }

  async #pass(
    shard: Shard,
    rows: readonly number[],
    whole: boolean,
    settle: ReadonlyMap<number, (result: TextHead | BetrError) => void>,
  ): Promise<void> {
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(this.#limits.passMs)]);
    signal.throwIfAborted();
    for await (const { row, text } of readTexts(shard, this.#fields, rows, signal)) {
      this.#cache.set(keyOf(shard, row, text.length <= wholeBytes), cutHead(text, text.length <= wholeBytes));
      settle.get(row)?.(cutHead(text, whole));
    }
    for (const resolve of settle.values()) resolve(fail('SHARD_CHANGED', { path: shard.name }));
    this.#shards.readSoon(shard);
  }
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
