// Hands out training jobs to Python workers on this machine, as many at once as fit. A worker takes a job's folder,
// works under a lease, and leaves a sealed card; docs/trainer.md describes the folder. Nothing is started twice: a
// job that fails or is stopped goes on when it is run again.

import { availableParallelism } from 'node:os';
import { basename } from 'node:path';
import { type BetrError, fail, knownError } from '../run/errors/errors.ts';
import { readCard, type TrainingCard } from './trainer/card.ts';
import { endError } from './trainer/outcome.ts';
import { askDevices, checkPython, packagesOf, type Python } from './trainer/python.ts';
import { type JobText, readJob } from './trainer/read-job.ts';
import { runWorker, type WorkerListener } from './trainer/worker.ts';

export interface RunJobsOptions extends WorkerListener {
  onStart?: (job: string) => void;
  onEnd?: (end: JobEnd) => void;
  python: Python;
  /** Jobs at a time; by default, one for each GPU, or on a CPU as many as cores and memory allow. */
  atOnce?: number | undefined;
  /** CPU threads of each job whose limits name none; by default, the cores divided by the jobs at a time. */
  threads?: number | undefined;
  /** Asks the workers to save a checkpoint and end, and starts no more. */
  signal?: AbortSignal | undefined;
}

/** How a job ended: with its card, or with an error of the catalog. */
export interface JobEnd {
  job: string;
  folder: string;
  card: TrainingCard | undefined;
  error: BetrError | undefined;
  /** What the worker wrote to standard error, or the end of it. */
  log: string;
}

/** The job of a folder, checked. */
export interface OpenJob extends JobText {
  folder: string;
}

/** Reads the jobs of folders. Errors: those of `readJob`, TRAINING_JOB_UNKNOWN. */
export async function openJobs(folders: readonly string[]): Promise<OpenJob[]> {
  const jobs: OpenJob[] = [];
  for (const folder of folders) {
    const read = await readJob(folder);
    if (read === undefined) throw fail('TRAINING_JOB_UNKNOWN', { job: basename(folder), folder, known: [] });
    jobs.push({ folder, ...read });
  }
  return jobs;
}

/** What is assumed of a job whose limits name no memory. */
const jobMemoryBytes = 2e9;

/** How many jobs run at a time, each with how many threads, on how many GPUs (0: on the CPU). */
export interface Fit {
  atOnce: number;
  threads: number;
  gpus: number;
}

/** Works out what fits on this machine. Errors: those of `askDevices`. */
export async function fitJobs(
  jobs: readonly OpenJob[],
  { python, atOnce, threads }: Pick<RunJobsOptions, 'python' | 'atOnce' | 'threads'>,
): Promise<Fit> {
  const cores = availableParallelism();
  const gpus = jobs.length > 1 ? (await askDevices(python)).gpus : 0;
  const memory = Math.max(...jobs.map(({ job }) => 1e9 * (job.limits.memoryGb ?? 0) || jobMemoryBytes));
  const most = gpus > 0 ? gpus : Math.min(cores, Math.max(1, Math.floor(process.availableMemory() / memory)));
  const count = Math.max(1, Math.min(jobs.length, atOnce ?? most));
  return { atOnce: count, threads: threads ?? Math.max(1, Math.floor(cores / count)), gpus };
}

/**
 * Runs jobs until each has ended. A job that is done already ends at once, with its card. Returns how each ended, in
 * order. Errors: TRAINER_PYTHON, TRAINER_PACKAGES, and those of `openJobs`; the errors of a job are in its end.
 */
export async function runJobs(folders: readonly string[], options: RunJobsOptions): Promise<JobEnd[]> {
  const jobs = await openJobs(folders);
  if (jobs.length === 0) return [];
  await checkPython(options.python, packagesOf(jobs.map(({ job }) => job)));
  const fit = await fitJobs(jobs, options);
  const ends: JobEnd[] = new Array<JobEnd>(jobs.length);
  const waiting = jobs.entries();
  const work = async (slot: number): Promise<void> => {
    for (const [at, job] of waiting) {
      const end = await runJob(job, { ...options, fit, slot });
      ends[at] = end;
      options.onEnd?.(end);
    }
  };
  await Promise.all(Array.from({ length: fit.atOnce }, (_, slot) => work(slot)));
  return ends;
}

type JobOptions = RunJobsOptions & { fit: Fit; slot: number };

async function runJob(open: OpenJob, options: JobOptions): Promise<JobEnd> {
  const { folder } = open;
  const job = basename(folder);
  const { signal } = options;
  let log = '';
  const end = (card?: TrainingCard, error?: BetrError): JobEnd => ({ job, folder, card, error, log });
  try {
    const before = await readCard(folder, open);
    if (before !== undefined) return end(before);
    if (signal?.aborted === true) return end(undefined, fail('TRAINING_STOPPED', { job }));
    options.onStart?.(job);
    const { python, fit, slot } = options;
    const worker = await runWorker(
      folder,
      { python, threads: fit.threads, gpu: fit.gpus > 0 ? slot % fit.gpus : undefined, signal },
      options,
    );
    ({ log } = worker);
    const error = endError(job, worker);
    if (error !== undefined) return end(undefined, error);
    const card = await readCard(folder, open);
    return card === undefined
      ? end(undefined, fail('TRAINING_FAILED', { job, reason: 'Its worker ended without a card.' }))
      : end(card);
  } catch (error) {
    return end(undefined, knownError(error));
  }
}
