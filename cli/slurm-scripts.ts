// The job scripts for Slurm. Of `betr slurm`: an array whose elements work until no chunk is left, and a job that
// publishes the ranking afterwards. Of `betr trainer --slurm`: an array with a training job for each element.

interface SlurmScript {
  /** How to run betr on a node: the program and its first arguments. */
  betr: readonly string[];
  settingsPath: string;
  /** Folder of the scripts and logs. */
  folder: string;
  /** Cores per element. */
  cpus: number;
  /** Further sbatch options, such as --partition=name. */
  sbatch: readonly string[];
}

export interface SlurmJob extends SlurmScript {
  /** Size of the array; each element has a worker process for each core. */
  nodes: number;
}

export interface SlurmTraining extends SlurmScript {
  /** Names or folders of the training jobs. */
  jobs: readonly string[];
  /** How many of them may run at the same time; undefined: as many as Slurm starts. */
  atOnce: number | undefined;
  /** GPUs per job. */
  gpus: number;
}

/** Slurm's default for KillWait and GraceTime leaves 30 s from SIGTERM to SIGKILL. */
const graceSeconds = 20;
/** How long before its time limit a job gets a signal, so that it can release its chunk. */
const warnSeconds = 120;

/** The script of the array. */
export function workScript(job: SlurmJob): string {
  return script(job, 'betr-work', [`--array=1-${job.nodes}`, arrayLog(job)], { work: workCommand(job) });
}

/** The script of an array with one training job for each element. */
export function trainingScript(job: SlurmTraining): string {
  const { betr, settingsPath, cpus, jobs, atOnce, gpus } = job;
  const limit = atOnce === undefined ? '' : `%${atOnce}`;
  const words = [
    ...betr,
    'trainer',
    '--config',
    settingsPath,
    '--at-once',
    '1',
    '--threads',
    String(cpus),
    '--',
  ];
  return script(
    job,
    'betr-training',
    [`--array=1-${jobs.length}${limit}`, arrayLog(job), ...(gpus > 0 ? [`--gres=gpu:${gpus}`] : [])],
    {
      first: [`set -- ${jobs.map(quote).join(' ')}`, 'shift $((SLURM_ARRAY_TASK_ID - 1))', ''],
      work: `${words.map(quote).join(' ')} "$1"`,
    },
  );
}

function arrayLog({ folder }: SlurmScript): string {
  return `--output=${quote(`${escape(folder)}/%A_%a.log`)}`;
}

function workCommand({ betr, settingsPath, cpus }: SlurmJob): string {
  return [...betr, 'work', settingsPath, '--workers', String(cpus), '--grace', String(graceSeconds)]
    .map(quote)
    .join(' ');
}

/** The script of the job that follows the array: finishes what lost elements left, and publishes. */
export function publishScript(job: SlurmJob): string {
  const publish = [...job.betr, 'rank', '--publish-only', '--config', job.settingsPath].map(quote).join(' ');
  return script(job, 'betr-publish', [`--output=${quote(`${escape(job.folder)}/%j.log`)}`], {
    work: workCommand(job),
    last: [`[ "$status" -eq 0 ] && exec ${publish}`],
  });
}

/** `first` and `last` are lines around the work, which is one command. */
function script(
  { cpus, sbatch }: SlurmScript,
  name: string,
  options: readonly string[],
  { first = [], work, last = [] }: { first?: readonly string[]; work: string; last?: readonly string[] },
): string {
  const all = [
    `--job-name=${name}`,
    ...options,
    '--ntasks=1',
    `--cpus-per-task=${cpus}`,
    '--requeue',
    '--open-mode=append',
    `--signal=B:USR1@${warnSeconds}`,
    ...sbatch.map(quoteValue),
  ];
  return `#!/bin/sh
${all.map((option) => `#SBATCH ${option}`).join('\n')}

${first.map((line) => `${line}\n`).join('')}# The time limit is near: save what is done and requeue.
again() {
  kill -TERM "$worker"
  wait "$worker"
  status=$?
  [ "$status" -eq 143 ] && scontrol requeue "$SLURM_JOB_ID"
  exit "$status"
}
trap again USR1
# Preempted or canceled: Slurm signals the worker too, and requeues preempted jobs.
trap : TERM

${work} &
worker=$!
wait "$worker"
status=$?
# A signal interrupts the wait, not the worker.
while kill -0 "$worker" 2>/dev/null; do
  wait "$worker"
  status=$?
done
${[...last, 'exit "$status"'].join('\n')}
`;
}

/** A text as one shell word. */
export function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** An option with its value as one word, because Slurm reads its lines by the shell's rules. */
function quoteValue(option: string): string {
  return option.replace(/^(--[\w-]+=)(.*)$/, (_all, name: string, value: string) => `${name}${quote(value)}`);
}

/** A path with Slurm's % replacements escaped. */
function escape(path: string): string {
  return path.replaceAll('%', '%%');
}
