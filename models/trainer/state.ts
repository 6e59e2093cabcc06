// What has become of training jobs, read from their folders alone: any process may look, on any machine.

import { basename, isAbsolute, join, resolve } from 'node:path';
import { z } from 'zod';
import { listFolder } from '../../data/files/files.ts';
import { readLiveHolder } from '../../data/files/lease-holder.ts';
import { BetrError, fail } from '../../run/errors/errors.ts';
import { readCard, type TrainingCard } from './card.ts';
import { readEvents, type TrainingEvent } from './events.ts';
import { jobFile, readJob } from './read-job.ts';
import { tokensFolder } from './write-job.ts';

/** The file in a job's folder by which a worker claims it. */
export const leaseFile = 'lease';

export const trainingStateSchema = z.strictObject({
  name: z.string(),
  /** Null if job.json cannot be used. */
  kind: z.string().nullable(),
  /**
   * waiting: not started; stopped: asked to end, or killed, before it was done; invalid: job.json or card.json
   * cannot be used.
   */
  state: z.enum(['waiting', 'running', 'stopped', 'failed', 'invalid', 'done']),
  /** From the last event that has them; null while unknown. */
  step: z.number().nullable(),
  steps: z.number().nullable(),
  tokens: z.number().nullable(),
  loss: z.number().nullable(),
  tokensPerSecond: z.number().nullable(),
  secondsLeft: z.number().nullable(),
  /** When the last event was written, ISO 8601. */
  at: z.string().nullable(),
  /** Why it failed, was stopped, or is invalid. */
  problem: z.string().nullable(),
  /** Who works on it. */
  worker: z.strictObject({ pid: z.number().int(), host: z.string(), since: z.string() }).nullable(),
});
export type TrainingState = z.output<typeof trainingStateSchema>;

/** Enough for the last events of a job. */
const tailBytes = 1 << 16;

/** The state of the job in a folder; undefined if there is none. Errors: those of reading. */
export async function readJobState(folder: string): Promise<TrainingState | undefined> {
  let kind: string | null = null;
  let card: TrainingCard | undefined;
  let problem: string | null = null;
  try {
    const read = await readJob(folder);
    if (read === undefined) return undefined;
    kind = read.job.kind;
    card = await readCard(folder, read);
  } catch (error) {
    if (!(error instanceof BetrError)) throw error;
    problem = error.message;
  }
  const { events } = await readEvents(folder, { last: tailBytes });
  const holder = await readLiveHolder(join(folder, leaseFile));
  const last = events.at(-1);
  const state = stateOf({
    isInvalid: problem !== null,
    isDone: card !== undefined,
    isHeld: holder !== undefined,
    last,
  });
  return {
    name: basename(folder),
    kind,
    state,
    ...newest(events),
    at: last?.at ?? null,
    problem: problem ?? (state === 'failed' || state === 'stopped' ? (last?.message ?? null) : null),
    worker: holder === undefined ? null : { pid: holder.pid, host: holder.host, since: holder.since },
  };
}

function stateOf(is: {
  isInvalid: boolean;
  isDone: boolean;
  isHeld: boolean;
  last: TrainingEvent | undefined;
}): TrainingState['state'] {
  if (is.isInvalid) return 'invalid';
  if (is.isDone) return 'done';
  if (is.isHeld) return 'running';
  if (is.last === undefined) return 'waiting';
  return is.last.event === 'failed' ? 'failed' : 'stopped';
}

const numbers = ['step', 'steps', 'tokens', 'loss', 'tokensPerSecond', 'secondsLeft'] as const;
type Numbers = Pick<TrainingState, (typeof numbers)[number]>;

/** The newest value of each number. */
function newest(events: readonly TrainingEvent[]): Numbers {
  const found: Numbers = {
    step: null,
    steps: null,
    tokens: null,
    loss: null,
    tokensPerSecond: null,
    secondsLeft: null,
  };
  for (const event of events) for (const name of numbers) found[name] = event[name] ?? found[name];
  return found;
}

/** The names of the jobs in the folder training/, sorted. */
export async function listJobs(training: string): Promise<string[]> {
  const names = await listFolder(training);
  const found: string[] = [];
  for (const name of names.sort())
    if (
      name !== tokensFolder &&
      (await listFolder(join(training, name)).catch((): string[] => [])).includes(jobFile)
    )
      found.push(name);
  return found;
}

/** The states of the jobs in the folder training/. Errors: those of reading. */
export async function readJobStates(training: string): Promise<TrainingState[]> {
  const states: TrainingState[] = [];
  // One at a time: there may be more jobs than files that a process may open.
  for (const name of await listJobs(training)) {
    const state = await readJobState(join(training, name));
    if (state !== undefined) states.push(state);
  }
  return states;
}

/**
 * The folder of a job that a user named: a name in training/, or the path of a folder, relative to the current
 * one. Errors: TRAINING_JOB_UNKNOWN.
 */
export async function findJob(training: string | undefined, job: string): Promise<string> {
  const isPath = isAbsolute(job) || job.includes('/') || job.includes('\\');
  const folder = isPath || training === undefined ? resolve(job) : join(training, job);
  const files = await listFolder(folder).catch((): string[] => []);
  if (files.includes(jobFile)) return folder;
  throw fail('TRAINING_JOB_UNKNOWN', {
    job,
    folder: training ?? resolve('.'),
    known: training === undefined ? [] : await listJobs(training),
  });
}
