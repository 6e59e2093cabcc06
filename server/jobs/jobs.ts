// The jobs of a run: index, train and rank in processes of their own, one at a time, in the order in which
// they were asked for. What is asked for and how it goes is on disk before it is told, so that a server that
// is killed loses nothing: the next one goes on with the queue, watches the job that is still at work, and
// tells of one that ended meanwhile how it ended, or that nobody knows.

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
import {
  hideInProgress,
  type Job,
  type jobKinds,
  type JobRecord,
  readOutcome,
  readProcess,
  readProgress,
  readRecords,
  removeJob,
  writeRecord,
} from './records.ts';

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

/**
 * The run's jobs. While another server has them, or nothing can be written, they can be looked at only; once
 * that ends they are taken over.
 */
export class Jobs {
  readonly #run: Run;
  readonly #limits: JobLimits;
  /** The right to the jobs, or why this server does not have it. */
  #lock: Lease | BetrError;
  /** In the order in which they were asked for. */
  readonly #records = new Map<string, JobRecord>();
  readonly #changes = new EventEmitter().setMaxListeners(0);
  readonly #closing = new AbortController();
  #active: { id: string; process: JobRecord['process']; ended: Promise<Ending> } | undefined;
  #driving = false;
  /** Jobs that are about to wait. */
  #starting = 0;
  #written: Promise<void> = Promise.resolve();

  private constructor(run: Run, limits: JobLimits, lock: Lease | BetrError) {
    this.#run = run;
    this.#limits = limits;
    this.#lock = lock;
  }

  /** Opens the jobs and goes on with them. */
  static async open(run: Run, limits: JobLimits = defaultLimits): Promise<Jobs> {
    const jobs = new Jobs(run, limits, await tryLock(run));
    await jobs.#read();
    jobs.#inBackground(
      jobs.#lock instanceof BetrError ? jobs.#takeOver() : jobs.#drive(() => jobs.#resume()),
    );
    return jobs;
  }

  /** Fires when the server ends. */
  get closed(): AbortSignal {
    return this.#closing.signal;
  }

  /** Newest first, without what they gave. */
  list(): Promise<Job[]> {
    return Promise.all([...this.#records.values()].reverse().map((record) => this.#describe(record)));
  }

  /** With what it gave. Errors: JOB_UNKNOWN. */
  async find(id: string): Promise<Job> {
    const record = this.#get(id);
    const outcome = record.state === 'done' ? await readOutcome(this.#run, id) : undefined;
    return {
      ...(await this.#describe(record)),
      result: outcome !== undefined && 'result' in outcome ? hidePathsIn(this.#run, outcome.result) : null,
    };
  }

  /**
   * Puts a job into the queue. Errors: JOB_QUEUE_FULL; RUN_LOCKED where another server has the run's jobs;
   * DISK_FULL, WRITE_FAILED.
   */
  async start(kind: (typeof jobKinds)[number]): Promise<Job> {
    if (this.#lock instanceof BetrError) throw this.#lock;
    const waiting = this.#starting + this.#inState('waiting').length;
    if (waiting >= this.#limits.waiting) throw fail('JOB_QUEUE_FULL', { waiting });
    const createdAt = new Date().toISOString();
    const id = `${createdAt.replace(/\D/g, '').slice(0, 14)}-${kind}-${randomBytes(4).toString('hex')}`;
    const record: JobRecord = {
      id,
      kind,
      state: 'waiting',
      createdAt,
      startedAt: null,
      endedAt: null,
      problem: null,
      process: null,
    };
    // Counted at once, as others ask while it is written.
    this.#starting++;
    try {
      await writeRecord(this.#run, record);
      this.#records.set(id, record);
    } finally {
      this.#starting--;
    }
    this.#inBackground(this.#drive(() => Promise.resolve()));
    return this.#describe(record);
  }

  /** Takes a job out of the queue, or begins to end its process. Errors: JOB_UNKNOWN, JOB_ENDED. */
  async cancel(id: string): Promise<Job> {
    const record = this.#get(id);
    if (this.#lock instanceof BetrError) throw this.#lock;
    if (record.endedAt !== null) throw fail('JOB_ENDED', { id, state: record.state });
    if (record.state === 'waiting')
      await this.#change(record, { state: 'cancelled', endedAt: new Date().toISOString() });
    else if (record.state === 'running') {
      await this.#change(record, { state: 'cancelling' });
      this.#inBackground(this.#end(record.id));
    }
    return this.#describe(record);
  }

  /** Resolves when the job's record has changed, or after `ms`. */
  async waitForChange(id: string, ms: number, signal: AbortSignal): Promise<void> {
    const woken = new AbortController();
    const wake = (): void => woken.abort();
    this.#changes.once(id, wake);
    await setTimeout(ms, undefined, { signal: AbortSignal.any([signal, this.closed, woken.signal]) }).catch(
      () => undefined,
    );
    this.#changes.off(id, wake);
  }

  /** Leaves a running job running. */
  close(): void {
    this.#closing.abort();
    void this.#releaseLock();
  }

  async #read(): Promise<void> {
    for (const record of await readRecords(this.#run)) this.#records.set(record.id, record);
  }

  #get(id: string): JobRecord {
    const record = this.#records.get(id);
    if (record === undefined) throw fail('JOB_UNKNOWN', { id: id.slice(0, 100) });
    return record;
  }

  #inState(...states: JobRecord['state'][]): JobRecord[] {
    return [...this.#records.values()].filter(({ state }) => states.includes(state));
  }

  async #describe({ id, kind, state, createdAt, startedAt, endedAt, problem }: JobRecord): Promise<Job> {
    return {
      id,
      kind,
      state,
      createdAt,
      startedAt,
      endedAt,
      problem: problem && { ...problem, detail: hidePaths(this.#run, problem.detail) },
      progress: startedAt === null ? null : hideInProgress(this.#run, await readProgress(this.#run, id)),
      result: null,
    };
  }

  /**
   * Changes a record, on disk too before anybody is told; one write after the other, so that the last is the
   * one that stays.
   */
  async #change(record: JobRecord, values: Partial<JobRecord>): Promise<void> {
    Object.assign(record, values);
    const write = this.#written.then(() => writeRecord(this.#run, record));
    this.#written = write.catch(() => undefined);
    await write;
    this.#changes.emit(record.id);
  }

  /**
   * Does `before`, and then starts what waits, one after the other; called again meanwhile it does nothing.
   */
  async #drive(before: () => Promise<void>): Promise<void> {
    if (this.#driving) return;
    this.#driving = true;
    try {
      await before();
      for (let next = this.#nextWaiting(); next !== undefined; next = this.#nextWaiting())
        await this.#work(next);
    } finally {
      this.#driving = false;
    }
  }

  #nextWaiting(): JobRecord | undefined {
    return this.closed.aborted ? undefined : this.#inState('waiting')[0];
  }

  async #work(record: JobRecord): Promise<void> {
    try {
      await this.#change(record, { state: 'running', startedAt: new Date().toISOString() });
      const { process: started, ended } = await startProcess(this.#run, record);
      await this.#change(record, { process: started });
      await this.#watch(record, ended);
    } catch (error) {
      const { code, message } = errorData(error);
      await this.#close(record, { state: 'failed', problem: { code, detail: message } });
    }
  }

  /** Waits for the process of a job that is at work, and notes how it ended. */
  async #watch(record: JobRecord, ended: Promise<Ending>): Promise<void> {
    this.#active = { id: record.id, process: record.process, ended };
    // It may have been cancelled before there was a process to end.
    if (record.state === 'cancelling') this.#inBackground(this.#end(record.id));
    const ending = await ended;
    this.#active = undefined;
    if (!this.closed.aborted) await this.#close(record, await outcomeOf(this.#run, record, ending));
  }

  /** Begins to end the process of the job that is at work. */
  async #end(id: string): Promise<void> {
    const active = this.#active;
    if (active?.id === id && active.process !== null)
      await endProcess(active.process, active.ended, this.#limits.graceMs);
  }

  /** Notes how a job ended, and forgets the oldest of those that have. */
  async #close(record: JobRecord, outcome: Outcome): Promise<void> {
    await this.#change(record, { ...outcome, endedAt: new Date().toISOString(), process: null });
    const ended = [...this.#records.values()].filter(({ endedAt }) => endedAt !== null);
    for (const { id } of ended.slice(0, Math.max(0, ended.length - this.#limits.remembered))) {
      this.#records.delete(id);
      await removeJob(this.#run, id);
    }
  }

  /** Goes on where an earlier server stopped. */
  async #resume(): Promise<void> {
    for (const record of this.#inState('running', 'cancelling')) {
      const found = record.process ?? (await findProcess(this.#run, record.id));
      if (found !== null && isSame(found)) {
        await this.#change(record, { process: found });
        await this.#watch(record, watchProcess(found, this.closed));
      } else await this.#close(record, await outcomeOf(this.#run, record, 'unseen'));
    }
  }

  /**
   * Waits for the right to the jobs: a server that ends may finish its answers for a while when the next one
   * has begun.
   */
  async #takeOver(): Promise<void> {
    while (this.#lock instanceof BetrError && !this.closed.aborted) {
      await setTimeout(this.#limits.takeOverMs, undefined, { signal: this.closed, ref: false }).catch(
        () => undefined,
      );
      this.#lock = await tryLock(this.#run);
    }
    if (this.closed.aborted) return this.#releaseLock();
    await this.#read();
    await this.#drive(() => this.#resume());
  }

  async #releaseLock(): Promise<void> {
    if (!(this.#lock instanceof BetrError)) await this.#lock.release();
  }

  #inBackground(work: Promise<void>): void {
    work.catch((error: unknown) => process.stderr.write(`betr: jobs: ${errorData(error).message}\n`));
  }
}

/**
 * The right to the run's jobs, or why it cannot be had: another server has it, or nothing can be written
 * here.
 */
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

/**
 * The process of a job whose server was killed before it could note it: a command says within moments which
 * process it is.
 */
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
  const { code, message } =
    ending === 'unseen'
      ? fail('JOB_INTERRUPTED', {
          reason: 'its process ended while no server watched it, and left no result',
        })
      : fail('JOB_KILLED', { how: ending.signal ?? `exit code ${ending.code ?? '?'}` });
  return { state: ending === 'unseen' ? 'interrupted' : 'failed', problem: { code, detail: message } };
}
