// Scores the whole corpus: makes the plan, starts workers (worker processes of this machine; others may be at the same plan elsewhere), and sees to it that
// no chunk is left. What was scored before, by the same classifier, is left alone.

import { type ChildProcess, fork } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { type ErrorData, errorFrom, fail } from '../data/errors.ts';
import type { Report } from '../data/progress.ts';
import type { Run } from '../data/run.ts';
import { cardFile, type ListedPart } from './part.ts';
import { listTasks, makePlan, outlinePlan, type Plan, type Task } from './plan.ts';
import { foldManifests, isWhole, readPublishedParts } from './published.ts';
import { workOnPlan, type WorkResult } from './work.ts';

export interface CorpusScores {
  /** Of every shard, sorted by shard and row. */
  parts: ListedPart[];
  /** What this call did: shards scored and found scored already, and text scored by it. */
  shardsScored: number;
  shardsReused: number;
  documents: number;
  textBytes: number;
  seconds: number;
}

/** What a worker process says. */
export type WorkerReply =
  | { kind: 'progress'; documents: number; textBytes: number }
  | { kind: 'chunk'; weight: number }
  | { kind: 'done'; result: WorkResult }
  | { kind: 'failed'; error: ErrorData };

/** A shard may change while it is read; then the plan is made anew, so many times. */
const plans = 3;

/** Scores what is not scored yet and returns the parts of the whole corpus. Errors: STEP_MISSING, WORKERS_LOST, those of reading and writing files. */
export async function scoreCorpus(run: Run, report: Report): Promise<CorpusScores> {
  const startedMs = performance.now();
  const done = { documents: 0, textBytes: 0 };
  const scored = new Set<string>();
  for (let attempt = 1; ; attempt++) {
    const plan = await makePlan(run, report);
    const tasks = listTasks(run, plan);
    const { open, lost } = await listOpenTasks(run, tasks);
    if (lost > 0) await forgetLostParts(run);
    const problems: ErrorData[] = [];
    if (open.length > 0) {
      for (const { shard } of open) scored.add(shard.name);
      const result = await workTogether(run, plan, open, report);
      done.documents += result.documents;
      done.textBytes += result.textBytes;
      problems.push(...result.problems);
    }
    const problem = problems.find(({ code }) => code !== 'SHARD_CHANGED') ?? problems[0];
    if (problem !== undefined && (problem.code !== 'SHARD_CHANGED' || attempt === plans)) throw errorFrom(problem);
    if (problem !== undefined) continue;
    const shardsScored = plan.shards.filter(({ name }) => scored.has(name)).length;
    return { parts: await collectParts(run, tasks), shardsScored, shardsReused: plan.shards.length - shardsScored, ...done, seconds: (performance.now() - startedMs) / 1000 };
  }
}

/** Starts worker processes, and does itself what they leave: chunks of workers that were lost, here or elsewhere. */
async function workTogether(run: Run, plan: Plan, open: readonly Task[], report: Report): Promise<WorkResult> {
  const count = Math.min(run.settings.workers ?? availableParallelism(), open.length);
  const total = open.reduce((sum, { weight }) => sum + weight, 0);
  let [documents, weightDone] = [0, 0];
  const listener: Listener = {
    onProgress(more) {
      documents += more;
      report({ stage: `score (${documents.toLocaleString('en')} documents)`, done: weightDone, total, unit: 'bytes' });
    },
    onChunk({ weight }) {
      weightDone += weight;
      report({ stage: 'score', done: weightDone, total, unit: 'bytes' });
    },
  };
  const results = count > 1 ? await runProcesses(run, count, listener) : [];
  const problems = results.flatMap((result) => result.problems);
  // A shard with a problem would have it again.
  const rest = problems.length > 0 ? [] : [await workOnPlan(run, plan, { ...listener, wait: true })];
  return [...results, ...rest].reduce((sum, result) => ({
    ...result,
    documents: sum.documents + result.documents,
    textBytes: sum.textBytes + result.textBytes,
    problems: [...sum.problems, ...result.problems],
  }));
}

interface Listener {
  onProgress(documents: number, textBytes: number): void;
  onChunk(task: Pick<Task, 'weight'>): void;
}

/** Runs so many worker processes until each finds no free chunk. One that is killed is replaced, up to a point; an error of one ends all and is thrown. */
async function runProcesses(run: Run, count: number, listener: Listener): Promise<WorkResult[]> {
  const children = new Set<ChildProcess>();
  let lost = 0;
  const start = async (): Promise<WorkResult[]> => {
    const child = fork(new URL('./work-process.js', import.meta.url), [run.settingsPath, run.ranking], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    children.add(child);
    const last = await listen(child, listener);
    children.delete(child);
    if (last.kind === 'done') return [last.result];
    if (last.kind === 'failed') throw errorFrom(last.error);
    lost++;
    if (lost > count + 3) throw fail('WORKERS_LOST', { count: lost, reason: last.reason });
    return start();
  };
  try {
    return (await Promise.all(Array.from({ length: count }, start))).flat();
  } finally {
    for (const child of children) child.kill('SIGTERM');
  }
}

function listen(child: ChildProcess, listener: Listener): Promise<Exclude<WorkerReply, { kind: 'progress' | 'chunk' }> | { kind: 'lost'; reason: string }> {
  return new Promise((resolve) => {
    child.on('message', (reply: WorkerReply) => {
      if (reply.kind === 'progress') listener.onProgress(reply.documents, reply.textBytes);
      else if (reply.kind === 'chunk') listener.onChunk(reply);
      else resolve(reply);
    });
    child.on('error', (error) => resolve({ kind: 'lost', reason: error.message }));
    child.on('exit', (code, signal) => resolve({ kind: 'lost', reason: signal ?? `exit code ${code ?? ''}` }));
  });
}

/** The parts of every task. Errors: STEP_MISSING where one is not whole. */
async function collectParts(run: Run, tasks: readonly Task[]): Promise<ListedPart[]> {
  const { byChunk } = await readPublishedParts(run);
  return tasks.flatMap(({ name }) => {
    const parts = byChunk.get(name);
    if (!isWhole(parts)) throw fail('STEP_MISSING', { need: 'score for every chunk of the plan', command: 'betr rank' });
    return parts;
  });
}

/** How many shards `scoreCorpus` would score now. Errors: STEP_MISSING, those of `outlinePlan`. */
export async function countUnscored(run: Run): Promise<number> {
  const { known, fresh } = await outlinePlan(run);
  const { open } = await listOpenTasks(run, listTasks(run, known));
  return fresh.length + new Set(open.map(({ shard }) => shard.name)).size;
}

/** The tasks that are not published whole, and how many of their parts are listed but gone or cut short. */
async function listOpenTasks(run: Run, tasks: readonly Task[]): Promise<{ open: Task[]; lost: number }> {
  const { byChunk } = await readPublishedParts(run);
  const open: Task[] = [];
  let lost = 0;
  for (const task of tasks) {
    const parts = byChunk.get(task.name) ?? [];
    const present = await takePresent(run, parts);
    lost += parts.length - present.length;
    if (!isWhole(present)) open.push(task);
  }
  return { open, lost };
}

async function takePresent(run: Run, parts: readonly ListedPart[]): Promise<ListedPart[]> {
  const present: ListedPart[] = [];
  for (const part of parts) {
    const sizeOf = (file: string): Promise<number> => stat(join(run.files.scores, file)).then(({ size }) => size, () => -1);
    if ((await sizeOf(part.file)) === part.bytes && (await sizeOf(cardFile(part.file))) > 0) present.push(part);
  }
  return present;
}

/** Takes the parts that are gone or cut short from the manifest, so that they are made again. */
async function forgetLostParts(run: Run): Promise<void> {
  const { byChunk } = await readPublishedParts(run);
  await foldManifests(run, await takePresent(run, [...byChunk.values()].flat()));
}
