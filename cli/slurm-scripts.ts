// The two job scripts of `betr slurm`: an array whose elements work until no chunk is left, and a job that
// publishes the ranking afterwards.

export interface SlurmJob {
  /** How to run betr on a node: the program and its first arguments. */
  betr: readonly string[];
  settingsPath: string;
  /** Folder of the scripts and logs. */
  folder: string;
  /** Size of the array, and worker processes (and cores) per element. */
  nodes: number;
  cpus: number;
  /** Further sbatch options, such as --partition=name. */
  sbatch: readonly string[];
}

/** Slurm's default for KillWait and GraceTime leaves 30 s from SIGTERM to SIGKILL. */
const graceSeconds = 20;
/** How long before its time limit a job gets a signal, so that it can release its chunk. */
const warnSeconds = 120;

/** The script of the array. */
export function workScript(job: SlurmJob): string {
  return script(
    job,
    'betr-work',
    [`--array=1-${job.nodes}`, `--output=${quote(`${escape(job.folder)}/%A_%a.log`)}`],
    [],
  );
}

/** The script of the job that follows the array: finishes what lost elements left, and publishes. */
export function publishScript(job: SlurmJob): string {
  const publish = [...job.betr, 'rank', '--publish-only', '--config', job.settingsPath].map(quote).join(' ');
  return script(
    job,
    'betr-publish',
    [`--output=${quote(`${escape(job.folder)}/%j.log`)}`],
    [`[ "$status" -eq 0 ] && exec ${publish}`],
  );
}

function script(
  { betr, settingsPath, cpus, sbatch }: SlurmJob,
  name: string,
  options: readonly string[],
  last: readonly string[],
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
  const work = [...betr, 'work', settingsPath, '--workers', String(cpus), '--grace', String(graceSeconds)]
    .map(quote)
    .join(' ');
  return `#!/bin/sh
${all.map((option) => `#SBATCH ${option}`).join('\n')}

# The time limit is near: release the chunk and requeue.
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
