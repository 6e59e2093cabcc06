// `betr trainer`: runs training jobs with Python workers, here or on a Slurm cluster.

import { basename, join } from 'node:path';
import type { Command } from 'commander';
import { commitBytes } from '../../data/files/commit.ts';
import { fitJobs, type JobEnd, openJobs, runJobs } from '../../models/trainer.ts';
import { askDevices, checkPython, findPython, packagesOf, type Python } from '../../models/trainer/python.ts';
import { findJob, listJobs, readJobState } from '../../models/trainer/state.ts';
import { formatAmount, formatCount, formatCountOf, formatFlops, parseWhole } from '../../run/amounts.ts';
import { BetrError, errorData, fail } from '../../run/errors/errors.ts';
import { nodeFlags } from '../../data/files/process.ts';
import { openRun, type Run } from '../../run/run.ts';
import { command, type CommonOptions } from '../options.ts';
import { formatDuration, printResult } from '../output.ts';
import { parseSbatch, submit } from '../sbatch.ts';
import { quote, type SlurmTraining, trainingScript } from '../slurm-scripts.ts';
import { openTrainingProgress } from '../training-progress.ts';

interface TrainerOptions extends CommonOptions {
  all: boolean;
  atOnce?: number;
  threads?: number;
  check: boolean;
  dryRun: boolean;
  slurm: boolean;
  cpus: number;
  gpus: number;
  sbatch: string[];
}

const exitOnSignal = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

export function trainerCommand(): Command {
  return command('trainer', 'run training jobs with Python: small models trained on selections, and more')
    .argument('[jobs...]', "names of jobs in the run's training/, or paths of job folders")
    .option('--all', 'every job in training/ that is neither done nor running', false)
    .option(
      '--at-once <count>',
      'jobs at a time (default: one for each GPU, or on a CPU as many as cores and memory allow)',
      (text) => parseWhole('--at-once', text, 1, 1024),
    )
    .option(
      '--threads <count>',
      'CPU threads of each job that sets none itself (default: the cores divided by the jobs at a time)',
      (text) => parseWhole('--threads', text, 1, 1024),
    )
    .option('--check', 'show which Python is used, its versions and its devices, and run nothing', false)
    .option('--dry-run', 'show what would run, or with --slurm the script, without doing it', false)
    .option('--slurm', 'submit the jobs to Slurm as an array, one job for each element', false)
    .option(
      '--cpus <count>',
      'with --slurm: cores for each job',
      (text) => parseWhole('--cpus', text, 1, 1024),
      1,
    )
    .option(
      '--gpus <count>',
      'with --slurm: GPUs for each job, 0 or 1',
      (text) => parseWhole('--gpus', text, 0, 1),
      1,
    )
    .option(
      '--sbatch <option>',
      'with --slurm: another sbatch option, such as --sbatch=--account=lab or --sbatch=--qos=high (repeatable)',
      (option: string, all: string[]) => [...all, parseSbatch(option, 'it has one element for each job')],
      [],
    )
    .action(async (names: string[], options: TrainerOptions) => {
      const { run, training, settingsFolder } = await openTraining(names, options);
      const python = findPython(run?.settings, settingsFolder);
      if (options.check) {
        await printCheck(python, options.json);
        return;
      }
      const folders = await chooseJobs(names, options, training);
      if (folders.length === 0) printResult(options.json, { jobs: [] }, 'No job is left to run.');
      else if (options.slurm) await useSlurm(requireRun(run), folders, options);
      else if (options.dryRun) await printPlan(python, folders, options);
      else await workHere(python, folders, options);
    });
}

interface Training {
  /** Undefined for job folders without a settings file. */
  run: Run | undefined;
  training: string | undefined;
  settingsFolder: string;
}

/** The run; jobs that are all named by their folders, and a check, need none. */
async function openTraining(names: readonly string[], { config, check }: TrainerOptions): Promise<Training> {
  try {
    const run = await openRun(config);
    return { run, training: run.files.training, settingsFolder: run.settingsFolder };
  } catch (error) {
    const needsNone = check || (names.length > 0 && names.every((name) => /[\\/]/.test(name)));
    if (!(needsNone && error instanceof BetrError && error.code === 'SETTINGS_NOT_FOUND')) throw error;
    return { run: undefined, training: undefined, settingsFolder: process.cwd() };
  }
}

function requireRun(run: Run | undefined): Run {
  if (run === undefined)
    throw fail('USAGE', {
      problem: '--slurm needs a settings file (--config), whose run folder gets the logs.',
    });
  return run;
}

/** The folders of the named jobs, or with --all of those that are not done. */
async function chooseJobs(
  names: readonly string[],
  { all }: TrainerOptions,
  training: string | undefined,
): Promise<string[]> {
  if (all === names.length > 0)
    throw fail('USAGE', {
      problem: 'Name training jobs, or use --all for those that are not done; not both.',
    });
  const folders: string[] = [];
  if (all && training !== undefined)
    folders.push(...(await listUnfinished(training, await listJobs(training))).folders);
  for (const name of names) folders.push(await findJob(training, name));
  return [...new Set(folders)];
}

/** The folders of jobs that are neither done nor running. Those that are running are named on standard error. */
export async function listUnfinished(
  training: string,
  names: readonly string[],
): Promise<{ folders: string[]; running: string[] }> {
  const found: Awaited<ReturnType<typeof listUnfinished>> = { folders: [], running: [] };
  for (const name of names) {
    const folder = join(training, name);
    const state = (await readJobState(folder))?.state;
    if (state === 'running') {
      process.stderr.write(`Note: ${name} is left to the worker that has it\n`);
      found.running.push(name);
    } else if (state !== 'done') found.folders.push(folder);
  }
  return found;
}

async function printCheck(python: Python, json: boolean): Promise<void> {
  const { version, packages } = await checkPython(python);
  const { device, gpus } = await askDevices(python);
  const rows = Object.entries(packages).map(
    ([name, found]) => `${name.padEnd(12)}  ${found ?? 'not installed'}`,
  );
  printResult(
    json,
    { python: python.program, version, packages, device, gpus },
    [
      `Python        ${version} (${python.program})`,
      ...rows,
      `Device        ${device}${gpus > 1 ? `, ${gpus} GPUs` : ''}`,
    ].join('\n'),
  );
}

async function printPlan(python: Python, folders: readonly string[], options: TrainerOptions): Promise<void> {
  const jobs = await openJobs(folders);
  const { version, packages } = await checkPython(python, packagesOf(jobs.map(({ job }) => job)));
  const fit = await fitJobs(jobs, { python, ...options });
  const names = jobs.map(({ folder, job }) => ({ name: basename(folder), kind: job.kind, folder }));
  printResult(
    options.json,
    { python: python.program, version, packages, ...fit, jobs: names },
    [
      `${formatCountOf(names.length, 'job')}, ${formatCount(fit.atOnce)} at a time, with ` +
        `${formatCountOf(fit.threads, 'CPU thread')} each` +
        `${fit.gpus > 0 ? ` on ${formatCountOf(fit.gpus, 'GPU')}` : ''}, ` +
        `by Python ${version} (${python.program}):`,
      ...names.map(({ name, kind }) => `  ${name}  ${kind}`),
    ].join('\n'),
  );
}

type HereOptions = Pick<TrainerOptions, 'atOnce' | 'threads'>;

/** Runs jobs here and prints how they ended; sets the exit code. */
export async function workHere(
  python: Python,
  folders: readonly string[],
  options: HereOptions & Pick<TrainerOptions, 'json'>,
): Promise<void> {
  const { ends, exitCode } = await runHere(python, folders, options);
  printResult(options.json, { jobs: ends.map(endData) }, ends.map(describeEnd).join('\n'));
  process.exitCode = exitCode;
}

/** Runs jobs here, shows their progress and their errors, and returns the exit code of a command that did only this. */
export async function runHere(
  python: Python,
  folders: readonly string[],
  { atOnce, threads }: HereOptions,
): Promise<{ ends: JobEnd[]; exitCode: number }> {
  const stop = new AbortController();
  let interrupted: number | undefined;
  const listeners = Object.entries(exitOnSignal).map(([signal, code]) => {
    const listener = (): void => {
      // The workers save their checkpoints and end, whether or not anybody waits for them.
      if (interrupted !== undefined) process.exit(code);
      interrupted = code;
      process.stderr.write('Stopping: the workers save their checkpoints.\n');
      stop.abort();
    };
    process.on(signal, listener);
    return () => process.off(signal, listener);
  });
  const progress = openTrainingProgress();
  let ends: JobEnd[];
  try {
    ends = await runJobs(folders, { atOnce, threads, ...progress, python, signal: stop.signal });
  } finally {
    progress.end();
    for (const remove of listeners) remove();
  }
  const errors = ends.flatMap(({ error }) => error ?? []);
  for (const { error, log } of ends) {
    // The worker's own bug: its trace is all there is.
    if (error?.code === 'TRAINING_FAILED' && log !== '') process.stderr.write(log);
    if (error !== undefined) process.stderr.write(`betr: ${error.message} [${error.code}]\n`);
  }
  const isStopped = interrupted !== undefined && errors.some(({ code }) => code === 'TRAINING_STOPPED');
  return { ends, exitCode: (isStopped ? interrupted : errors[0]?.exitCode) ?? 0 };
}

function endData({ job, folder, card, error }: JobEnd): object {
  return {
    name: job,
    folder,
    state: error === undefined ? 'done' : error.code === 'TRAINING_STOPPED' ? 'stopped' : 'failed',
    card: card ?? null,
    error: error === undefined ? null : errorData(error),
  };
}

function describeEnd({ job, card, error }: JobEnd): string {
  if (error !== undefined) return `${job}  ${error.code === 'TRAINING_STOPPED' ? 'stopped' : 'failed'}`;
  if (card === undefined) return job;
  const { seconds, tokens, flops, result } = card;
  return (
    `${job}  done in ${formatDuration(seconds)}` +
    (tokens === null ? '' : `, ${formatAmount(tokens)} tokens`) +
    (flops === null ? '' : `, ${formatFlops(flops)} FLOPs`) +
    (result.rows === 0 ? '' : `, ${formatCountOf(result.rows, 'row')} of results`)
  );
}

const scriptFile = 'training.sh';

async function useSlurm(run: Run, folders: readonly string[], options: TrainerOptions): Promise<void> {
  const { cpus, gpus, sbatch, atOnce, json, dryRun } = options;
  await openJobs(folders);
  const array: SlurmTraining = {
    betr: [process.execPath, ...nodeFlags, ...process.argv.slice(1, 2)],
    settingsPath: run.settingsPath,
    folder: run.files.slurm,
    jobs: folders,
    atOnce,
    cpus,
    gpus,
    sbatch,
  };
  const script = trainingScript(array);
  const path = join(run.files.slurm, scriptFile);
  const words = ['sbatch', '--parsable', path];
  if (dryRun) {
    const submission = words.map(quote).join(' ');
    printResult(json, { script, command: submission }, `# ${path}\n${script}\n# To submit:\n${submission}`);
    return;
  }
  await commitBytes(path, script);
  const id = await submit(words);
  printResult(
    json,
    { jobs: folders.length, array: id },
    `Submitted array ${id} with ${formatCountOf(folders.length, 'training job')}. Logs: ${run.files.slurm}. To ` +
      `follow them: betr status. To cancel: scancel ${id}`,
  );
}
