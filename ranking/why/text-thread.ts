// The server's side of its text worker: reads, explains and scores texts in another thread, which is started
// on first use and restarted if it dies.

import { setTimeout as setTimeoutPromise } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Explanation } from '../../classifier/explain.ts';
import type { Shard } from '../../data/documents.ts';
import { BetrError, type ErrorData, errorFrom, fail, reasonOf } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import type { NearExample } from '../../indexer/search/nearest-examples.ts';
import type { Ranking } from '../generation.ts';
import { openShard, type RankedShards } from '../shards.ts';
import { describeError } from '../../data/files/hide-paths.ts';
import { endMessage, type TextReply, type Results, type TextTask } from './messages.ts';
import { type Place, type ShownText, placeKey, show } from './shown-text.ts';

export interface ExplainQuestion {
  /** 'joint', or a benchmark. */
  output: string;
  /** N-grams on each side, and places of each. */
  ngrams: number;
  places: number;
  characters: number;
}

/** The examples nearest to a text, or why they cannot be searched. */
export type Near = { available: true; examples: NearExample[] } | { available: false; reason: string };

/** How long an answer waits for texts, and for the embedder (which may have to be loaded). */
const textsWithinMs = 15_000;
const nearestWithinMs = 10_000;
/** How long running work may continue when the server shuts down. */
const closeWithinMs = 1_000;

/** Reads, explains and scores texts in its own thread. */
export class TextThread {
  readonly #run: Run;
  #thread: Worker | undefined;
  #lastId = 0;
  readonly #pending = new Map<
    number,
    { resolve: (result: never) => void; reject: (error: BetrError) => void }
  >();

  constructor(run: Run) {
    this.#run = run;
  }

  /** The beginnings of texts, in the order of `places`; an error for each that cannot be read. */
  async readHeads(
    ranking: RankedShards,
    places: readonly Place[],
    characters: number,
  ): Promise<(ShownText | BetrError)[]> {
    const shards = new Map<string, number[]>();
    for (const { shard, row } of places) shards.set(shard, [...(shards.get(shard) ?? []), row]);
    const found = new Map<string, ShownText | BetrError>();
    await Promise.all(
      [...shards].map(async ([name, rows]) => {
        try {
          const shard = await openShard(this.#run, ranking, name);
          for (const { row, head, bytes = 0, error } of await this.#ask({
            kind: 'heads',
            shard,
            rows,
            withinMs: textsWithinMs,
          })) {
            found.set(
              placeKey({ shard: name, row }),
              head === undefined ? lost(error) : show(head, bytes, characters),
            );
          }
        } catch (error) {
          for (const row of rows) found.set(placeKey({ shard: name, row }), known(error));
        }
      }),
    );
    return places.map((place) => found.get(placeKey(place)) ?? lost(undefined));
  }

  /** Errors: SHARD_CHANGED, CLASSIFIER_CHANGED, TEXT_TOO_FAR, BUSY, OPTION_INVALID; those of reading. */
  async explain(
    ranking: Ranking,
    { shard, row }: Place,
    { output, ngrams, places, characters }: ExplainQuestion,
  ): Promise<{ shown: ShownText; explanation: Explanation }> {
    const file = await openShard(this.#run, ranking, shard);
    const { explanation, head, bytes } = await this.#ask({
      kind: 'explain',
      shard: file,
      row,
      weights: weightsOf(ranking),
      output,
      ngrams,
      places,
      withinMs: textsWithinMs,
    });
    return { explanation, shown: show(head, bytes, characters) };
  }

  async findNearest(ranking: Ranking, place: Place, examples: number): Promise<Near> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<Near>(
      (resolve) =>
        (timer = setTimeout(
          () =>
            resolve({
              available: false,
              reason:
                `The embedder returned no vector within ${nearestWithinMs / 1000} s. ` +
                'Try again when it is loaded.',
            }),
          nearestWithinMs,
        )),
    );
    const near = await Promise.race([this.#searchNearest(ranking, place, examples), late]);
    clearTimeout(timer);
    return near;
  }

  /**
   * The scores of each text in a request's body, one for each output, by the ranking's classifier. Errors:
   * BODY_INVALID, CLASSIFIER_CHANGED, STEP_MISSING, FILE_DAMAGED.
   */
  async score(ranking: Ranking, body: Uint8Array<ArrayBuffer>): Promise<number[][]> {
    const { outputs, scores } = await this.#ask({ kind: 'score', weights: weightsOf(ranking), body });
    return Array.from({ length: scores.length / outputs.length }, (_, i) =>
      outputs.map((_output, output) => scores[i * outputs.length + output] ?? 0),
    );
  }

  async close(): Promise<void> {
    const thread = this.#thread;
    if (thread === undefined) return;
    // Terminating a thread during native work aborts the process, and work may still be running that no request
    // waits for any more. The thread therefore ends itself.
    thread.ref();
    thread.postMessage(endMessage);
    const ended = new Promise<void>((resolve) => thread.once('exit', () => resolve()));
    await Promise.race([ended, setTimeoutPromise(closeWithinMs, undefined, { ref: false })]);
    thread.unref();
  }

  async #searchNearest(ranking: Ranking, { shard, row }: Place, examples: number): Promise<Near> {
    try {
      const file: Shard = await openShard(this.#run, ranking, shard);
      return {
        available: true,
        examples: await this.#ask({ kind: 'nearest', shard: file, row, examples, withinMs: textsWithinMs }),
      };
    } catch (error) {
      return { available: false, reason: describeError(known(error), this.#run) };
    }
  }

  #ask<K extends TextTask['kind']>(task: Extract<TextTask, { kind: K }>): Promise<Results[K]> {
    const thread = (this.#thread ??= this.#start());
    thread.ref();
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      thread.postMessage({ id, task });
    });
  }

  #start(): Worker {
    const started = new Worker(new URL('./worker.js', import.meta.url), {
      workerData: { settingsPath: this.#run.settingsPath, ranking: this.#run.ranking },
    });
    // Only a pending request keeps the process alive.
    started.unref();
    // The result's type depends on the kind of task, which only the caller knows.
    started.on(
      'message',
      (reply: Exclude<TextReply, { result: unknown }> | { id: number; result: never }) => {
        const asked = this.#pending.get(reply.id);
        this.#pending.delete(reply.id);
        if (this.#pending.size === 0) started.unref();
        if ('error' in reply) asked?.reject(errorFrom(reply.error));
        else asked?.resolve(reply.result);
      },
    );
    started.on('error', (error) => this.#died(started, error.stack ?? error.message));
    started.on('exit', () => this.#died(started, 'the text worker ended'));
    return started;
  }

  #died(thread: Worker, reason: string): void {
    if (this.#thread === thread) this.#thread = undefined;
    for (const { reject } of this.#pending.values()) reject(fail('INTERNAL', { reason }));
    this.#pending.clear();
  }
}

/** The weights that the ranking was made with. */
function weightsOf({ scorer }: Ranking): { sha256: string } {
  return { sha256: scorer.sha256 };
}

function known(error: unknown): BetrError {
  return error instanceof BetrError ? error : fail('INTERNAL', { reason: reasonOf(error) }, error);
}

function lost(error: ErrorData | undefined): BetrError {
  return error === undefined
    ? fail('INTERNAL', { reason: 'the text worker gave no answer for a row' })
    : errorFrom(error);
}
