// The jobs of a run: index, train and rank in processes of their own, one at a time, in the order in which they were asked for. What is asked for and
// how it goes is on disk before it is told, so that a server that is killed loses nothing: the next one goes on with the queue, watches the job that
// is still at work, and tells of one that ended meanwhile how it ended, or that nobody knows.

import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { BetrError, errorData, fail, writeError } from '../../run/errors/errors.ts';
import type { Lease } from '../../data/files/lease.ts';
import { takeLock } from '../../data/files/lock.ts';
import type { Run } from '../../run/run.ts';
import { type Ending, endProcess, isSame, startProcess, watchProcess } from './process.ts';
import { hidePaths, hidePathsIn } from '../../data/files/hide-paths.ts';
import { hideInProgress, type Job, type jobKinds, type JobRecord, readOutcome, readProcess, readProgress, readRecords, removeJob, writeRecord } from './records.ts';

export interface Jobs {
  /** Newest first, without what they gave. */
  list(): Promise<Job[]>;
  /** Errors: JOB_UNKNOWN. */
  find(id: string): Promise<Job>;
  /** Puts a job into the queue. Errors: JOB_QUEUE_FULL; RUN_LOCKED where another server has the run's jobs; DISK_FULL, WRITE_FAILED. */
  start(kind: (typeof jobKinds)[number]): Promise<Job>;
  /** Takes a job out of the queue, or begins to end its process. Errors: JOB_UNKNOWN, JOB_ENDED. */
  cancel(id: string): Promise<Job>;
  /** Resolves when the job's record has changed, or after `ms`. */
  waitForChange(id: string, ms: number, signal: AbortSignal): Promise<void>;
  /** Fires when the server ends. */
  closed: AbortSignal;
  /** Leaves a running job running. */
  close(): void;
}

export interface JobLimits {
  waiting: number;
  /** From asking a process to end to ending it. */
  graceMs: number;
  /** Jobs that have ended and are remembered. */
  remembered: number;
  /** How often the right to the jobs is asked for while another server has it. */
  takeOverMs: number;
}

const defaultLimits: JobLimits = { waiting: 16, graceMs: 10_000, remembered: 50, takeOverMs: 2_000 };

/** Opens the run's jobs and goes on with them. While another server has them, or nothing can be written, they can be looked at only; once that ends they are taken over. */
export async function openJobs(run: Run, limits: JobLimits = defaultLimits): Promise<Jobs> {
  let lock = await tryLock(run);
  const records = new Map<string, JobRecord>();
  const read = async (): Promise<void> => {
    for (const record of await readRecords(run)) records.set(record.id, record);
  };
  await read();
  const changes = new EventEmitter().setMaxListeners(0);
  const closing = new AbortController();
  let active: { id: string; process: JobRecord['process']; ended: Promise<Ending> } | undefined;
  let driving = false;
  /** Jobs that are about to wait. */
  let starting = 0;

  let written: Promise<void> = Promise.resolve();
  /** Changes a record, on disk too before anybody is told; one write after the other, so that the last is the one that stays. */
  const change = async (record: JobRecord, values: Partial<JobRecord>): Promise<void> => {
    Object.assign(record, values);
    const write = written.then(() => writeRecord(run, record));
    written = write.catch(() => undefined);
    await write;
    changes.emit(record.id);
  };
  const describe = async ({ id, kind, state, createdAt, startedAt, endedAt, problem }: JobRecord, whole: boolean): Promise<Job> => {
    const outcome = whole && state === 'done' ? await readOutcome(run, id) : undefined;
    return {
      id, kind, state, createdAt, startedAt, endedAt,
      problem: problem && { ...problem, detail: hidePaths(run, problem.detail) },
      progress: startedAt === null ? null : hideInProgress(run, await readProgress(run, id)),
      result: outcome !== undefined && 'result' in outcome ? hidePathsIn(run, outcome.result) : null,
    };
  };
  const get = (id: string): JobRecord => {
    const record = records.get(id);
    if (record === undefined) throw fail('JOB_UNKNOWN', { id: id.slice(0, 100) });
    return record;
  };

  /** Waits for the process of a job that is at work, and notes how it ended. */
  const watch = async (record: JobRecord, ended: Promise<Ending>): Promise<void> => {
    active = { id: record.id, process: record.process, ended };
    // It may have been cancelled before there was a process to end.
    if (record.state === 'cancelling') inBackground(end(record.id));
    const ending = await ended;
    active = undefined;
    if (!closing.signal.aborted) await close(record, await outcomeOf(run, record, ending));
  };
  const close = async (record: JobRecord, outcome: Outcome): Promise<void> => {
    await change(record, { ...outcome, endedAt: new Date().toISOString(), process: null });
    const ended = [...records.values()].filter(({ endedAt }) => endedAt !== null);
    for (const { id } of ended.slice(0, Math.max(0, ended.length - limits.remembered))) {
      records.delete(id);
      await removeJob(run, id);
    }
  };
  const end = async (id: string): Promise<void> => {
    if (active?.id === id && active.process !== null) await endProcess(active.process, active.ended, limits.graceMs);
  };
  /** Does `before`, and then starts what waits, one after the other; called again meanwhile it does nothing. */
  const drive = async (before: () => Promise<void>): Promise<void> => {
    if (driving) return;
    driving = true;
    try {
      await before();
      for (let next = first(); next !== undefined && !closing.signal.aborted; next = first()) await work(next);
    } finally {
      driving = false;
    }
  };
  const work = async (record: JobRecord): Promise<void> => {
    try {
      await change(record, { state: 'running', startedAt: new Date().toISOString() });
      const { process: started, ended } = await startProcess(run, record);
      await change(record, { process: started });
      await watch(record, ended);
    } catch (error) {
      const { code, message } = errorData(error);
      await close(record, { state: 'failed', problem: { code, detail: message } });
    }
  };
  const first = (): JobRecord | undefined => [...records.values()].find(({ state }) => state === 'waiting');
  /** Goes on where an earlier server stopped. */
  const resume = async (): Promise<void> => {
    for (const record of [...records.values()].filter(({ state }) => state === 'running' || state === 'cancelling')) {
      const found = record.process ?? (await findProcess(run, record.id));
      if (found !== null && isSame(found)) {
        await change(record, { process: found });
        await watch(record, watchProcess(found, closing.signal));
      } else await close(record, await outcomeOf(run, record, 'unseen'));
    }
  };
  /** A server that ends may finish its answers for a while when the next one has begun. */
  const takeOver = async (): Promise<void> => {
    while (lock instanceof BetrError && !closing.signal.aborted) {
      await setTimeout(limits.takeOverMs, undefined, { signal: closing.signal, ref: false }).catch(() => undefined);
      lock = await tryLock(run);
    }
    if (closing.signal.aborted) return releaseLock();
    await read();
    await drive(resume);
  };
  const releaseLock = async (): Promise<void> => {
    if (!(lock instanceof BetrError)) await lock.release();
  };
  const inBackground = (work: Promise<void>): void => {
    work.catch((error: unknown) => process.stderr.write(`betr: jobs: ${errorData(error).message}\n`));
  };

  inBackground(lock instanceof BetrError ? takeOver() : drive(resume));
  return {
    list: () => Promise.all([...records.values()].reverse().map((record) => describe(record, false))),
    find: async (id) => describe(get(id), true),
    async start(kind) {
      if (lock instanceof BetrError) throw lock;
      const waiting = starting + [...records.values()].filter(({ state }) => state === 'waiting').length;
      if (waiting >= limits.waiting) throw fail('JOB_QUEUE_FULL', { waiting });
      const createdAt = new Date().toISOString();
      const id = `${createdAt.replace(/\D/g, '').slice(0, 14)}-${kind}-${randomBytes(4).toString('hex')}`;
      const record: JobRecord = { id, kind, state: 'waiting', createdAt, startedAt: null, endedAt: null, problem: null, process: null };
      // Counted at once, as others ask while it is written.
      starting++;
      try {
        await writeRecord(run, record);
        records.set(id, record);
      } finally {
        starting--;
      }
      inBackground(drive(() => Promise.resolve()));
      return describe(record, false);
    },
    async cancel(id) {
      const record = get(id);
      if (lock instanceof BetrError) throw lock;
      if (record.endedAt !== null) throw fail('JOB_ENDED', { id, state: record.state });
      if (record.state === 'waiting') await change(record, { state: 'cancelled', endedAt: new Date().toISOString() });
      else if (record.state === 'running') {
        await change(record, { state: 'cancelling' });
        inBackground(end(record.id));
      }
      return describe(record, false);
    },
    async waitForChange(id, ms, signal) {
      const woken = new AbortController();
      const wake = (): void => woken.abort();
      changes.once(id, wake);
      await setTimeout(ms, undefined, { signal: AbortSignal.any([signal, closing.signal, woken.signal]) }).catch(() => undefined);
      changes.off(id, wake);
    },
    closed: closing.signal,
    close() {
      closing.abort();
      void releaseLock();
    },
  };
}

/** The right to the run's jobs, or why it cannot be had: another server has it, or nothing can be written here. */
async function tryLock(run: Run): Promise<Lease | BetrError> {
  const folder = run.files.jobs;
  try {
    await mkdir(folder, { recursive: true });
    return await takeLock(run, join(folder, 'lock'), folder);
  } catch (error) {
    return writeError(error, folder);
  }
}

const sayWithinMs = 3_000;

/** The process of a job whose server was killed before it could note it: a command says within moments which process it is. */
async function findProcess(run: Run, id: string): Promise<JobRecord['process']> {
  for (let waitedMs = 0; waitedMs < sayWithinMs; waitedMs += 100) {
    const said = await readProcess(run, id);
    if (said !== null) return said;
    await setTimeout(100, undefined, { ref: false });
  }
  return null;
}

type Outcome = Pick<JobRecord, 'state' | 'problem'>;

/** What a job has come to, by what its command printed. */
async function outcomeOf(run: Run, { id, state }: JobRecord, ending: Ending): Promise<Outcome> {
  const outcome = await readOutcome(run, id);
  if (outcome !== undefined && 'result' in outcome) return { state: 'done', problem: null };
  if (state === 'cancelling') return { state: 'cancelled', problem: null };
  if (outcome !== undefined) return { state: 'failed', problem: outcome.problem };
  const { code, message } = ending === 'unseen' ? fail('JOB_INTERRUPTED', { reason: 'its process ended while no server watched it, and left no result' }) : fail('JOB_KILLED', { how: ending.signal ?? `exit code ${ending.code ?? '?'}` });
  return { state: ending === 'unseen' ? 'interrupted' : 'failed', problem: { code, detail: message } };
}
