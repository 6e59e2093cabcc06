// Scores the whole corpus over all cores; shards that were scored before, by the same classifier, are left alone.

import { rm, stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { z } from 'zod';
import { commitJson, readJson } from '../data/commit.ts';
import type { Shard } from '../data/documents.ts';
import { BetrError, errorFrom, fail } from '../data/errors.ts';
import type { Report } from '../data/progress.ts';
import { fingerprint, type Run } from '../data/run.ts';
import { listShards } from '../data/shards.ts';
import { readTokenRates, type TokenRates } from '../indexer/tokens.ts';
import { readCard } from './card.ts';
import { type Part, partSchema } from './part.ts';
import type { Job, Reply, Setup } from './score-messages.ts';

const chunkSchema = z.strictObject({ parts: z.array(partSchema) });

export interface CorpusScores {
  /** Of every shard, sorted by shard and place in it. */
  parts: Part[];
  /** What this call did: shards scored and found scored already, and text scored by it. */
  shardsScored: number;
  shardsReused: number;
  documents: number;
  textBytes: number;
  seconds: number;
}

interface Task {
  shard: Shard;
  chunk: string;
}

/** Scores what is not scored yet and returns the parts of the whole corpus. Errors: STEP_MISSING, those of reading and writing files. */
export async function scoreCorpus(run: Run, report: Report): Promise<CorpusScores> {
  const startedMs = performance.now();
  const { settings, files } = run;
  const { tasks, todo, parts, rates, scorerFingerprint } = await planScoring(run);
  const done = { documents: 0, textBytes: 0 };
  const shardBytes = todo.reduce((sum, { shard }) => sum + shard.bytes, 0);
  if (todo.length > 0) {
    const setup: Setup = { weights: files.weights, scorerFingerprint, rates, fields: settings.corpus.fields, folder: files.scores, quarantine: files.quarantine, spill: join(run.folder, 'spill') };
    let bytesFinished = 0;
    await runWorkers(todo, setup, settings.workers ?? availableParallelism(), {
      progress(documents, textBytes) {
        done.documents += documents;
        done.textBytes += textBytes;
        report({ stage: `score (${done.documents.toLocaleString('en')} documents)`, done: bytesFinished, total: shardBytes, unit: 'bytes' });
      },
      async finished({ shard, chunk }, chunkParts) {
        await commitJson(join(files.scores, `${chunk}.json`), { parts: chunkParts });
        parts.set(chunk, chunkParts);
        bytesFinished += shard.bytes;
        report({ stage: 'score', done: bytesFinished, total: shardBytes, unit: 'bytes' });
      },
    });
    await rm(setup.spill, { recursive: true, force: true });
  }
  return {
    parts: tasks.flatMap(({ chunk }) => parts.get(chunk) ?? []),
    shardsScored: todo.length,
    shardsReused: tasks.length - todo.length,
    ...done,
    seconds: (performance.now() - startedMs) / 1000,
  };
}

/** How many shards `scoreCorpus` would score now. Errors: STEP_MISSING, those of `listShards`. */
export async function countUnscored(run: Run): Promise<number> {
  return (await planScoring(run)).todo.length;
}

interface Plan {
  /** Every shard, and those that are not scored yet. */
  tasks: Task[];
  todo: Task[];
  /** The parts there are, by chunk. */
  parts: Map<string, Part[]>;
  rates: TokenRates;
  scorerFingerprint: string;
}

async function planScoring(run: Run): Promise<Plan> {
  const card = await readCard(run);
  const rates = await readTokenRates(run);
  const scorerFingerprint = fingerprint({ weights: card.weightsSha256, rates, fields: run.settings.corpus.fields });
  const tasks = (await listShards(run.settings.corpus.files, run.settingsFolder)).map((shard) => ({ shard, chunk: chunkName(shard, scorerFingerprint) }));
  const parts = new Map<string, Part[]>();
  for (const { chunk } of tasks) {
    const known = await readChunk(run.files.scores, chunk);
    if (known !== undefined) parts.set(chunk, known);
  }
  return { tasks, todo: tasks.filter(({ chunk }) => !parts.has(chunk)), parts, rates, scorerFingerprint };
}

/** The name of a chunk's files: it changes with the shard's name, size and time, and with the classifier. */
function chunkName(shard: Shard, scorerFingerprint: string): string {
  return fingerprint([shard.name, shard.bytes, shard.modifiedMs, scorerFingerprint]).slice(0, 20);
}

/** The parts of a chunk that was scored before; undefined where it was not, or where a file is gone or cut short. */
async function readChunk(folder: string, chunk: string): Promise<Part[] | undefined> {
  try {
    const card = await readJson(join(folder, `${chunk}.json`), chunkSchema, 'betr rank');
    for (const part of card?.parts ?? []) {
      if ((await stat(join(folder, part.file))).size !== part.bytes) return undefined;
    }
    return card?.parts;
  } catch {
    return undefined;
  }
}

interface Listener {
  progress(documents: number, textBytes: number): void;
  finished(task: Task, parts: Part[]): Promise<void>;
}

/** Hands the tasks, largest first, to `count` worker threads. The first failure ends all of them and is thrown. */
async function runWorkers(tasks: readonly Task[], setup: Setup, count: number, listener: Listener): Promise<void> {
  const queue = [...tasks].sort((a, b) => a.shard.bytes - b.shard.bytes);
  const workers = Array.from({ length: Math.min(count, tasks.length) }, () => new Worker(new URL('./score-worker.js', import.meta.url), { workerData: setup }));
  try {
    await Promise.all(workers.map((worker) => drive(worker, queue, listener)));
  } finally {
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

function drive(worker: Worker, queue: Task[], listener: Listener): Promise<void> {
  return new Promise((resolve, reject) => {
    let current: Task | undefined;
    let atEnd = false;
    const next = (): void => {
      current = queue.pop();
      atEnd = current === undefined;
      const job: Job = current ?? 'end';
      worker.postMessage(job);
    };
    worker.on('message', (reply: Reply) => {
      if (reply.kind === 'ready') next();
      else if (reply.kind === 'progress') listener.progress(reply.documents, reply.textBytes);
      else if (reply.kind === 'failed') reject(errorFrom(reply.error));
      else if (current !== undefined) listener.finished(current, reply.parts).then(next, reject);
    });
    worker.on('error', (error) => reject(error instanceof BetrError ? error : fail('INTERNAL', { reason: error.stack ?? error.message }, error)));
    worker.on('exit', (code) => (atEnd ? resolve() : reject(fail('INTERNAL', { reason: `a scoring worker ended by itself with code ${code}` }))));
  });
}
