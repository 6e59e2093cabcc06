// Scans the whole corpus for test items, chunk by chunk on all cores; skips chunks already scanned for the
// same tests.

import { readdir, rm } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { cutShard } from '../data/chunks.ts';
import type { Shard } from '../data/documents.ts';
import { BetrError, errorFrom, fail } from '../run/errors/errors.ts';
import type { Report } from '../run/progress.ts';
import { fingerprint, type Run } from '../run/run.ts';
import { listCorpus } from '../data/shards.ts';
import { readNote } from '../data/duckdb/run-files.ts';
import type { LeaksCard } from './leaks-card.ts';
import { type PartNote, partNoteSchema, type ScanReply, type Setup, type ScanTask } from './scan-messages.ts';
import type { TestItem } from '../indexer/examples/test-items.ts';

export interface Scanned {
  /** Parts in the order of shards and rows, with absolute paths and their notes. */
  parts: { path: string; note: PartNote }[];
  /** Chunks scanned now and chunks scanned earlier. */
  chunksScanned: number;
  chunksReused: number;
  textBytes: number;
  seconds: number;
}

export type CutShard = LeaksCard['inputs']['shards'][number];

/**
 * Cuts the corpus's shards into chunks; shards unchanged since `before` are not read. Errors: those of
 * `listCorpus` and `cutShard`.
 */
export async function cutCorpus(
  run: Run,
  before: readonly CutShard[],
): Promise<{ shard: Shard; cut: CutShard }[]> {
  const { corpus, scoring } = run.settings;
  const known = new Map(before.map((cut) => [cut.shard, cut]));
  const shards = await listCorpus(run);
  const all: { shard: Shard; cut: CutShard }[] = [];
  for (const shard of shards) {
    const { name, bytes, modifiedMs } = shard;
    const earlier = known.get(name);
    const same = earlier?.bytes === bytes && earlier.modifiedMs === modifiedMs;
    all.push({
      shard,
      cut: {
        shard: name,
        bytes,
        modifiedMs,
        chunks: same
          ? earlier.chunks
          : await cutShard(shard, corpus.fields, scoring.chunkMegabytes * 2 ** 20),
      },
    });
  }
  return all;
}

/**
 * Scans every chunk not scanned yet. `tests` is the fingerprint of the items. Errors: those of reading the
 * corpus and of writing.
 */
export async function scanCorpus(
  run: Run,
  shards: readonly { shard: Shard; cut: CutShard }[],
  items: readonly TestItem[],
  tests: string,
  runWords: number,
  report: Report,
): Promise<Scanned> {
  const startedMs = performance.now();
  const folder = run.files.leakParts;
  const { fields } = run.settings.corpus;
  const tasks: ScanTask[] = shards.flatMap(({ shard, cut: { chunks } }) =>
    chunks.map((chunk) => ({
      shard,
      chunk,
      bytes: shard.bytes / chunks.length,
      name: fingerprint([shard.name, shard.bytes, shard.modifiedMs, chunk, tests, runWords, fields]).slice(
        0,
        20,
      ),
    })),
  );
  const todo: ScanTask[] = [];
  for (const task of tasks) if ((await readPart(folder, task)) === undefined) todo.push(task);
  const allBytes = todo.reduce((sum, { bytes }) => sum + bytes, 0);
  let textBytes = 0;
  let doneBytes = 0;
  if (todo.length > 0) {
    const setup: Setup = { items: [...items], runWords, fields, folder, quarantine: run.files.quarantine };
    await runWorkers(todo, setup, run.settings.workers ?? availableParallelism(), {
      progress(bytes) {
        textBytes += bytes;
        report({
          stage: `leaks (${(textBytes / 1e6).toFixed(0)} MB of text)`,
          done: doneBytes,
          total: allBytes,
          unit: 'bytes',
        });
      },
      finished({ bytes }) {
        doneBytes += bytes;
      },
    });
  }
  const parts: Scanned['parts'] = [];
  for (const task of tasks) {
    const note = await readPart(folder, task);
    if (note === undefined)
      throw fail('FILE_DAMAGED', {
        path: partPath(folder, task),
        reason: 'it is missing or truncated',
        command: 'betr leaks',
      });
    parts.push({ path: partPath(folder, task), note });
  }
  await removeOthers(folder, new Set(tasks.map(({ name }) => `${name}.parquet`)));
  return {
    parts,
    chunksScanned: todo.length,
    chunksReused: tasks.length - todo.length,
    textBytes,
    seconds: (performance.now() - startedMs) / 1000,
  };
}

function partPath(folder: string, { name }: ScanTask): string {
  return join(folder, `${name}.parquet`);
}

async function readPart(folder: string, task: ScanTask): Promise<PartNote | undefined> {
  const note = await readNote(partPath(folder, task), partNoteSchema);
  return note?.name === task.name ? note : undefined;
}

async function removeOthers(folder: string, needed: ReadonlySet<string>): Promise<void> {
  for (const name of await readdir(folder))
    if (!needed.has(name)) await rm(join(folder, name), { force: true });
}

interface Listener {
  progress(textBytes: number): void;
  finished(task: ScanTask): void;
}

/**
 * Hands the tasks, largest first, to `count` worker threads. The first failure stops all of them after their
 * current chunk and is thrown.
 */
async function runWorkers(
  tasks: readonly ScanTask[],
  setup: Setup,
  count: number,
  listener: Listener,
): Promise<void> {
  const queue = [...tasks].sort((a, b) => a.bytes - b.bytes);
  const failures: Error[] = [];
  const failed = (error: Error): void => {
    failures.push(error);
    queue.length = 0;
  };
  const threads = Array.from({ length: Math.min(count, tasks.length) }, () =>
    drive(
      new Worker(new URL('./scan-worker.js', import.meta.url), { workerData: setup }),
      queue,
      listener,
      failed,
    ),
  );
  await Promise.all(threads);
  if (failures[0] !== undefined) throw failures[0];
}

/** Resolves when the thread has ended itself: terminating it during a query would abort the process. */
function drive(
  worker: Worker,
  queue: ScanTask[],
  listener: Listener,
  failed: (error: Error) => void,
): Promise<void> {
  return new Promise((resolve) => {
    let current: ScanTask | undefined;
    worker.on('message', (reply: ScanReply) => {
      if (reply.kind === 'progress') {
        listener.progress(reply.textBytes);
        return;
      }
      if (reply.kind === 'failed') failed(errorFrom(reply.error));
      if (reply.kind === 'done' && current !== undefined) listener.finished(current);
      current = queue.pop();
      worker.postMessage(current ?? 'end');
    });
    worker.on('error', (error) =>
      failed(
        error instanceof BetrError
          ? error
          : fail('INTERNAL', { reason: error.stack ?? error.message }, error),
      ),
    );
    worker.on('exit', () => resolve());
  });
}
