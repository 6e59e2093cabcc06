// The jobs of a run: index, train and rank in processes of their own, one at a time, in the order of the
// requests. Every change is on disk before it is reported, so a killed server loses nothing: the next one
// continues the queue, watches a job that is still running, and reports how a job ended in the meantime, or
// that this is unknown.

import { randomBytes } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import { BetrError, errorData, fail } from '../../run/errors/errors.ts';
import type { Lease } from '../../data/files/lease.ts';
import { tryLock } from './lock.ts';
import type { Run } from '../../run/run.ts';
import { type Ending, endProcess, isSame, startProcess, watchProcess } from './process.ts';
import { findProcess, type Outcome, outcomeOf } from './outcome.ts';
import { hidePaths, hidePathsIn } from '../../data/files/hide-paths.ts';
import {
  hideInProgress,
  type Job,
  type jobKinds,
  type JobRecord,
  readOutcome,
  readProgress,
  readRecords,
  removeJob,
  writeRecord,
} from './records.ts';

export interface JobLimits {
  waiting: number;
  /** Time from asking a process to end to killing it. */
  graceMs: number;
  /** How many ended jobs are remembered. */
  remembered: number;
  /** How often this server tries to take the jobs over from another one. */
  takeOverMs: number;
}

const defaultLimits: JobLimits = { waiting: 16, graceMs: 10_000, remembered: 50, takeOverMs: 2_000 };

/**
 * The run's jobs. They are read-only while another server holds them or the folder is not writable; this
 * server takes them over when that ends.
 */
export class Jobs {
  readonly #run: Run;
  readonly #limits: JobLimits;
  /** The lock on the jobs, or why this server does not hold it. */
  #lock: Lease | BetrError;
  /** In the order of the requests. */
  readonly #records = new Map<string, JobRecord>();
  readonly #changes = new EventEmitter().setMaxListeners(0);
  readonly #closing = new AbortController();
  #active: { id: string; process: JobRecord['process']; ended: Promise<Ending> } | undefined;
  #driving = false;
  /** Jobs that are about to be queued. */
  #starting = 0;
  #written: Promise<void> = Promise.resolve();

  private constructor(run: Run, limits: JobLimits, lock: Lease | BetrError) {
    this.#run = run;
    this.#limits = limits;
    this.#lock = lock;
  }

  /** Opens the jobs and continues them. */
  static async open(run: Run, limits: JobLimits = defaultLimits): Promise<Jobs> {
    const jobs = new Jobs(run, limits, await tryLock(run));
    await jobs.#read();
    jobs.#inBackground(
      jobs.#lock instanceof BetrError ? jobs.#takeOver() : jobs.#drive(() => jobs.#resume()),
    );
    return jobs;
  }

  /** Fires when the server closes. */
  get closed(): AbortSignal {
    return this.#closing.signal;
  }

  /** Newest first, without their results. */
  list(): Promise<Job[]> {
    return Promise.all([...this.#records.values()].reverse().map((record) => this.#describe(record)));
  }

  /** With its result. Errors: JOB_UNKNOWN. */
  async find(id: string): Promise<Job> {
    const record = this.#get(id);
    const outcome = record.state === 'done' ? await readOutcome(this.#run, id) : undefined;
    return {
      ...(await this.#describe(record)),
      result: outcome !== undefined && 'result' in outcome ? hidePathsIn(this.#run, outcome.result) : null,
    };
  }

  /**
   * Queues a job. Errors: JOB_QUEUE_FULL; RUN_LOCKED if another server holds the run's jobs; DISK_FULL,
   * WRITE_FAILED.
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
    // Counted immediately, because other requests arrive while the record is written.
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

  /** Removes a job from the queue, or begins to end its process. Errors: JOB_UNKNOWN, JOB_ENDED. */
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

  /** Resolves when the job's record changes, or after `ms`. */
  async waitForChange(id: string, ms: number, signal: AbortSignal): Promise<void> {
    const woken = new AbortController();
    const wake = (): void => woken.abort();
    this.#changes.once(id, wake);
    await setTimeout(ms, undefined, { signal: AbortSignal.any([signal, this.closed, woken.signal]) }).catch(
      () => undefined,
    );
    this.#changes.off(id, wake);
  }

  /** Closes without ending the running job. */
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
      problem: problem && { ...problem, detail: this.#detailOf(problem) },
      progress: startedAt === null ? null : hideInProgress(this.#run, await readProgress(this.#run, id)),
      result: null,
    };
  }

  /** Of a bug, the stack is only in the run folder. */
  #detailOf({ code, detail }: NonNullable<JobRecord['problem']>): string {
    return code === 'INTERNAL'
      ? "This is a bug in betr; the job's record in the run folder has the reason."
      : hidePaths(this.#run, detail);
  }

  /**
   * Changes a record, on disk before anyone is notified; writes are sequential, so that the last one
   * remains.
   */
  async #change(record: JobRecord, values: Partial<JobRecord>): Promise<void> {
    Object.assign(record, values);
    const write = this.#written.then(() => writeRecord(this.#run, record));
    this.#written = write.catch(() => undefined);
    await write;
    this.#changes.emit(record.id);
  }

  /**
   * Runs `before`, then starts the queued jobs one after the other; a second call in the meantime does
   * nothing.
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

  /** Waits for the process of the running job, and records how it ended. */
  async #watch(record: JobRecord, ended: Promise<Ending>): Promise<void> {
    this.#active = { id: record.id, process: record.process, ended };
    // It may have been canceled before its process existed.
    if (record.state === 'cancelling') this.#inBackground(this.#end(record.id));
    const ending = await ended;
    this.#active = undefined;
    if (!this.closed.aborted) await this.#close(record, await outcomeOf(this.#run, record, ending));
  }

  /** Begins to end the process of the running job. */
  async #end(id: string): Promise<void> {
    const active = this.#active;
    if (active?.id === id && active.process !== null)
      await endProcess(active.process, active.ended, this.#limits.graceMs);
  }

  /** Records how a job ended, and forgets the oldest ended jobs. */
  async #close(record: JobRecord, outcome: Outcome): Promise<void> {
    await this.#change(record, { ...outcome, endedAt: new Date().toISOString(), process: null });
    const ended = [...this.#records.values()].filter(({ endedAt }) => endedAt !== null);
    for (const { id } of ended.slice(0, Math.max(0, ended.length - this.#limits.remembered))) {
      this.#records.delete(id);
      await removeJob(this.#run, id);
    }
  }

  /** Continues where an earlier server stopped. */
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
   * Waits for the lock: a server that is closing may still finish its answers after the next one has started.
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
