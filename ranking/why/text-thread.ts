// The server's side of its text worker: what reads, explains and scores texts is asked here and done in another thread, which is started when it is
// first needed and again when it has died.

import { setTimeout as setTimeoutPromise } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import type { Explanation } from '../../classifier/explain.ts';
import type { Shard } from '../../data/documents.ts';
import { BetrError, type ErrorData, errorFrom, fail, reasonOf } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import type { NearExample } from '../../indexer/search/nearest-examples.ts';
import type { Ranking } from '../generation.ts';
import { openShard } from '../shards.ts';
import { describeError } from '../../data/files/hide-paths.ts';
import type { Reply, Results, Task } from './messages.ts';

export interface Place {
  shard: string;
  row: number;
}

/** As much of a text as is shown. */
export interface ShownText {
  text: string;
  /** Of the whole text. */
  bytes: number;
  truncated: boolean;
}

export interface ExplainQuestion {
  /** 'joint', or a benchmark. */
  output: string;
  /** N-grams on each side, and places of each. */
  ngrams: number;
  places: number;
  characters: number;
}

/** Where the examples can be searched, those nearest to a text; else why they cannot. */
export type Near = { available: true; examples: NearExample[] } | { available: false; reason: string };

export interface Texts {
  /** The beginnings of texts, each in its place's position; an error where one cannot be had. */
  readHeads(ranking: Ranking, places: readonly Place[], characters: number): Promise<(ShownText | BetrError)[]>;
  /** Errors: SHARD_CHANGED, CLASSIFIER_CHANGED, TEXT_TOO_FAR, BUSY, OPTION_INVALID; those of reading. */
  explain(ranking: Ranking, place: Place, question: ExplainQuestion): Promise<{ shown: ShownText; explanation: Explanation }>;
  findNearest(ranking: Ranking, place: Place, examples: number): Promise<Near>;
  /** The scores of each text of a request's body, one for each output, by the ranking's classifier. Errors: BODY_INVALID, CLASSIFIER_CHANGED, STEP_MISSING, FILE_DAMAGED. */
  score(ranking: Ranking, body: Uint8Array<ArrayBuffer>): Promise<number[][]>;
  close(): Promise<void>;
}

/** How long an answer waits for texts, and for the embedder (which may have to be loaded). */
const textsWithinMs = 15_000;
const nearestWithinMs = 10_000;

export function openTexts(run: Run): Texts {
  const worker = openWorker(run);
  const weights = (ranking: Ranking): { sha256: string } => ({ sha256: ranking.scorer.sha256 });
  return {
    async readHeads(ranking, places, characters) {
      const shards = new Map<string, number[]>();
      for (const { shard, row } of places) shards.set(shard, [...(shards.get(shard) ?? []), row]);
      const found = new Map<string, ShownText | BetrError>();
      await Promise.all([...shards].map(async ([name, rows]) => {
        try {
          const shard = await openShard(run, ranking, name);
          for (const { row, head, bytes = 0, error } of await worker.ask({ kind: 'heads', shard, rows, withinMs: textsWithinMs })) {
            found.set(placeKey({ shard: name, row }), head === undefined ? lost(error) : show(head, bytes, characters));
          }
        } catch (error) {
          for (const row of rows) found.set(placeKey({ shard: name, row }), known(error));
        }
      }));
      return places.map((place) => found.get(placeKey(place)) ?? lost(undefined));
    },
    async explain(ranking, { shard, row }, { output, ngrams, places, characters }) {
      const file = await openShard(run, ranking, shard);
      const { explanation, head, bytes } = await worker.ask({ kind: 'explain', shard: file, row, weights: weights(ranking), output, ngrams, places, withinMs: textsWithinMs });
      return { explanation, shown: show(head, bytes, characters) };
    },
    async findNearest(ranking, { shard, row }, examples) {
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<Near>((resolve) => (timer = setTimeout(() => resolve({ available: false, reason: `The embedder gave no vector within ${nearestWithinMs / 1000} s; ask again when it is loaded.` }), nearestWithinMs)));
      const find = async (): Promise<Near> => {
        try {
          const file: Shard = await openShard(run, ranking, shard);
          return { available: true, examples: await worker.ask({ kind: 'nearest', shard: file, row, examples, withinMs: textsWithinMs }) };
        } catch (error) {
          return { available: false, reason: describeError(known(error), run) };
        }
      };
      const near = await Promise.race([find(), late]);
      clearTimeout(timer);
      return near;
    },
    async score(ranking, body) {
      const { outputs, scores } = await worker.ask({ kind: 'score', weights: weights(ranking), body });
      return Array.from({ length: scores.length / outputs.length }, (_, i) => outputs.map((_output, output) => scores[i * outputs.length + output] ?? 0));
    },
    close: () => worker.close(),
  };
}

function placeKey({ shard, row }: Place): string {
  return `${row} ${shard}`;
}

function show(head: Uint8Array, bytes: number, characters: number): ShownText {
  const text = Buffer.from(head.buffer, head.byteOffset, head.length).toString().slice(0, characters).replace(/[\ud800-\udbff]$/, '');
  return { text, bytes, truncated: Buffer.byteLength(text) < bytes };
}

function known(error: unknown): BetrError {
  return error instanceof BetrError ? error : fail('INTERNAL', { reason: reasonOf(error) }, error);
}

function lost(error: ErrorData | undefined): BetrError {
  return error === undefined ? fail('INTERNAL', { reason: 'the text worker gave no answer for a row' }) : errorFrom(error);
}

interface TextWorker {
  ask<K extends Task['kind']>(task: Extract<Task, { kind: K }>): Promise<Results[K]>;
  close(): Promise<void>;
}

/** How long what is at work may go on when the server ends. */
const closeWithinMs = 1_000;

function openWorker(run: Run): TextWorker {
  let thread: Worker | undefined;
  let lastId = 0;
  const pending = new Map<number, { resolve: (result: never) => void; reject: (error: BetrError) => void }>();

  const start = (): Worker => {
    const started = new Worker(new URL('./worker.js', import.meta.url), { workerData: { settingsPath: run.settingsPath } });
    // Only a question that waits for its answer keeps the process alive.
    started.unref();
    // Of the type that belongs to the kind of task, which only who asked knows.
    started.on('message', (reply: Exclude<Reply, { result: unknown }> | { id: number; result: never }) => {
      const asked = pending.get(reply.id);
      pending.delete(reply.id);
      if (pending.size === 0) started.unref();
      if ('error' in reply) asked?.reject(errorFrom(reply.error));
      else asked?.resolve(reply.result);
    });
    const died = (reason: string): void => {
      if (thread === started) thread = undefined;
      for (const { reject } of pending.values()) reject(fail('INTERNAL', { reason }));
      pending.clear();
    };
    started.on('error', (error) => died(error.stack ?? error.message));
    started.on('exit', () => died('the text worker ended'));
    return started;
  };

  return {
    ask(task) {
      thread ??= start();
      thread.ref();
      const id = ++lastId;
      return new Promise((resolve, reject) => {
        pending.set(id, { resolve, reject });
        thread?.postMessage({ id, task });
      });
    },
    async close() {
      // A thread that is ended amid native work takes the process with it; and what one question no longer waits for may still be at work.
      for (let waitedMs = 0; pending.size > 0 && waitedMs < closeWithinMs; waitedMs += 20) await setTimeoutPromise(20);
      await thread?.terminate();
    },
  };
}
