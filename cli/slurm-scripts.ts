// The two job scripts of `betr slurm`: an array whose elements each work until no chunk is left, and a job
// that publishes the ranking after them.

export interface SlurmJob {
  /** How to run betr on a node: program and first arguments. */
  betr: readonly string[];
  settingsPath: string;
  /** Folder of the scripts and logs. */
  folder: string;
  /** Elements of the array, and worker processes (and cores) of each. */
  nodes: number;
  cpus: number;
  /** Further options of sbatch, such as --partition=name. */
  sbatch: readonly string[];
}

/** Slurm gives 30 s from SIGTERM to SIGKILL where KillWait and GraceTime are left alone. */
const graceSeconds = 20;
/** How long before the time limit a job is told, so that it can give its chunk back. */
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

/**
 * The script of the job that comes after the array: does what elements left that did not come back, and
 * publishes.
 */
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

# The time limit is near: give the chunk back, and go on when there is time again.
again() {
  kill -TERM "$worker"
  wait "$worker"
  status=$?
  [ "$status" -eq 143 ] && scontrol requeue "$SLURM_JOB_ID"
  exit "$status"
}
trap again USR1
# Preempted or cancelled: Slurm tells the worker as well, and starts again what it preempted.
trap : TERM

${work} &
worker=$!
wait "$worker"
status=$?
# A signal ends the waiting, not the worker.
while kill -0 "$worker" 2>/dev/null; do
  wait "$worker"
  status=$?
done
${[...last, 'exit "$status"'].join('\n')}
`;
}

/** A text as one word of the shell. */
export function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** An option whose value is one word, as Slurm reads its lines by the shell's rules. */
function quoteValue(option: string): string {
  return option.replace(/^(--[\w-]+=)(.*)$/, (_all, name: string, value: string) => `${name}${quote(value)}`);
}

/** A path in which Slurm replaces nothing. */
function escape(path: string): string {
  return path.replaceAll('%', '%%');
}
