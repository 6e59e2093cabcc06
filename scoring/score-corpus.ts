// Scores the whole corpus: makes the plan, starts worker processes on this machine (other machines may work
// on the same plan), and ensures that no chunk is left. Keeps what the same scorer has scored before.

import { checkFields } from '../data/rows/check-fields.ts';
import { BetrError, type ErrorData, fail } from '../run/errors/errors.ts';
import type { Report } from '../run/progress.ts';
import { rankCommandOf, type Run } from '../run/run.ts';
import type { ListedPart } from './part.ts';
import { planAgain, readPlan } from './plan.ts';
import { makePlan } from './make-plan.ts';
import { listTasks, shardsOfTasks, type Task } from './tasks.ts';
import { readPublishedParts } from './published.ts';
import { readCards } from './cards.ts';
import { compareShards, type ShardChanges, type ShardState } from './shard-changes.ts';
import { readScorer } from './scorers/list.ts';
import { problemOf } from './work-problems.ts';
import { describeFewChunks, openListener, readDocumentBytes, weigh } from './score-progress.ts';
import { countWorkers, runWorkers } from './workers.ts';
import { listOpenTasks, forgetLostParts } from './open-tasks.ts';

export interface CorpusScores {
  /** All parts, sorted by shard and row. */
  parts: ListedPart[];
  /** Shards scored by this call and before it, and the documents and text that this call scored. */
  shardsScored: number;
  shardsReused: number;
  documents: number;
  /** Of these, documents whose answers a model had given before. */
  documentsStored: number;
  textBytes: number;
  seconds: number;
  /** Size of the parts made, and peak memory of a single process. */
  diskBytes: number;
  memoryBytes: number;
  /** Changes to shards after they were planned; changed shards were planned again. */
  meanwhile: ShardChanges;
  /** Notes on the corpus's files, for users. */
  notes: string[];
  /** Published parts that could not be used, and why; their documents were scored again. */
  scoredAgain: string[];
}

/** If a shard changes while it is read, the plan is made again: at most this many times. */
const plans = 3;

/**
 * Scores the rest of the corpus and returns the parts of all of it. Errors: STEP_MISSING,
 * WORKERS_LOST, those of reading and writing files.
 */
export async function scoreCorpus(run: Run, report: Report): Promise<CorpusScores> {
  const startedMs = performance.now();
  const slow = (await readScorer(run)).slow === true;
  const done = { documents: 0, documentsStored: 0, textBytes: 0, diskBytes: 0, memoryBytes: 0 };
  const scored = new Set<string>();
  const scoredAgain = new Set<string>();
  let planned: readonly ShardState[] = [];
  let notes: string[] = [];
  let fewChunks: string[] = [];
  for (let attempt = 1; ; attempt++) {
    const known = await makePlan(run, report, (found) => (notes = found));
    const refused = attempt === 1 && slow ? await listRefused(run, listTasks(run, known)) : new Set<string>();
    const plan = refused.size === 0 ? known : await planAgain(run, known, refused);
    if (attempt === 1) planned = plan.shards;
    const tasks = listTasks(run, plan);
    const { open, lost, problems: unread } = await listOpenTasks(run, tasks);
    if (lost.length > 0) await forgetLostParts(run);
    if (open.length > 0) for (const problem of [...lost, ...unread]) scoredAgain.add(problem);
    const problems: ErrorData[] = [];
    if (open.length > 0) {
      if (attempt === 1) await checkFields(shardsOfTasks(tasks), run.settings.corpus.fields, report);
      const shards = shardsOfTasks(open);
      for (const { name } of shards) scored.add(name);
      const textBytes = weigh(open);
      const count = countWorkers(run, { chunks: open.length, shards: shards.length, textBytes, slow });
      if (attempt === 1) fewChunks = describeFewChunks(run.settings.workers, open.length, slow);
      const listener = openListener(open, report, await readDocumentBytes(run, slow, tasks));
      const result = await runWorkers(run, plan, { count, slow, wait: true, ...listener });
      done.documents += result.documents;
      done.documentsStored += result.stored;
      done.textBytes += result.textBytes;
      done.diskBytes += result.diskBytes;
      done.memoryBytes = Math.max(done.memoryBytes, result.memoryBytes);
      problems.push(...result.problems);
    }
    const lasting = attempt === plans ? problems : problems.filter(({ code }) => code !== 'SHARD_CHANGED');
    const problem = problemOf(lasting);
    if (problem !== undefined) throw problem;
    if (problems.length > 0) continue;
    const shardsScored = plan.shards.filter(({ name }) => scored.has(name)).length;
    return {
      parts: await collectParts(run, tasks),
      shardsScored,
      shardsReused: plan.shards.length - shardsScored,
      ...done,
      meanwhile: compareShards(planned, plan.shards),
      notes: [...notes, ...fewChunks],
      scoredAgain: [...scoredAgain],
      seconds: (performance.now() - startedMs) / 1000,
    };
  }
}

/** Shards with documents that a server refused: it may answer now. */
async function listRefused(run: Run, tasks: readonly Task[]): Promise<Set<string>> {
  const { byChunk } = await readPublishedParts(run);
  const names = new Set<string>();
  for (const { name } of tasks) {
    for (const part of byChunk.get(name) ?? []) {
      if (part.unknownDocuments === undefined) continue;
      const reasons = await readReasons(run, part);
      if (!reasons.includes('refused')) continue;
      for (const { shard } of part.covers) names.add(shard);
    }
  }
  return names;
}

/** Why documents of a part have no score; a damaged card has none, and its part is made again anyway. */
async function readReasons(run: Run, part: ListedPart): Promise<string[]> {
  try {
    const reasons: string[] = [];
    for await (const { unknown = [] } of readCards(run.files.scores, [part]))
      reasons.push(...unknown.map(({ reason }) => reason));
    return reasons;
  } catch (error) {
    if (error instanceof BetrError && error.code === 'PARTS_DAMAGED') return [];
    throw error;
  }
}

/**
 * The parts of the planned corpus, sorted by shard and row, if workers have made all of them. Errors:
 * CHUNKS_LEFT, STEP_MISSING, PLAN_STALE.
 */
export async function collectScores(run: Run): Promise<CorpusScores> {
  const plan = await readPlan(run);
  return {
    parts: await collectParts(run, listTasks(run, plan)),
    shardsScored: 0,
    shardsReused: plan.shards.length,
    documents: 0,
    documentsStored: 0,
    textBytes: 0,
    seconds: 0,
    diskBytes: 0,
    memoryBytes: 0,
    meanwhile: compareShards([], []),
    notes: [],
    scoredAgain: [],
  };
}

async function collectParts(run: Run, tasks: readonly Task[]): Promise<ListedPart[]> {
  const { open, lost, unlisted, problems, byChunk } = await listOpenTasks(run, tasks);
  if (open.length > 0)
    throw fail('CHUNKS_LEFT', {
      left: open.length,
      chunks: tasks.length,
      command: rankCommandOf(run),
      reasons: [...lost, ...problems, ...unlisted],
    });
  return tasks.flatMap(({ name }) => byChunk.get(name) ?? []);
}
