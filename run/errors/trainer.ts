// Errors of training jobs and of the Python worker that does them.

/** A training job that a worker did not finish: its name, and the worker's sentence. */
type Unfinished = { job: string; reason: string };

/** A job or an input that the worker refuses. */
const refused = (remedy: string) => ({
  status: 422,
  exit: 2,
  say: (v: Unfinished) => `Training job "${v.job}" was refused: ${v.reason} ${remedy}`,
});

/** A job that failed and can go on from its last checkpoint. */
const failed = (remedy: string) => ({
  status: 500,
  exit: 1,
  say: (v: Unfinished) =>
    `Training job "${v.job}" failed: ${v.reason} The last checkpoint is kept. ${remedy}, then run ` +
    `"betr trainer ${v.job}".`,
});

/** As many names as a sentence can have. */
function firstOf(names: readonly string[]): string {
  return `${names.slice(0, 10).join(', ')}${names.length > 10 ? ` and ${names.length - 10} more` : ''}`;
}

export const trainerErrors = {
  TRAINER_PYTHON: {
    status: 500,
    exit: 1,
    say: (v: { python: string; reason: string; mend: string }) =>
      `Training needs Python 3.10 or later, but ${v.python} ${v.reason}. ${v.mend}.`,
  },
  TRAINER_PACKAGES: {
    status: 500,
    exit: 1,
    say: (v: { python: string; packages: string[]; mend: string }) =>
      `Training needs the Python package${v.packages.length === 1 ? '' : 's'} ${v.packages.join(', ')}, which ` +
      `${v.python} does not have. ${v.mend}.`,
  },
  TRAINING_JOB_UNKNOWN: {
    status: 404,
    exit: 2,
    say: (v: { job: string; folder: string; known: string[] }) =>
      `There is no training job "${v.job}" in ${v.folder}. ${
        v.known.length === 0 ? 'It has no jobs yet.' : `Jobs: ${firstOf(v.known)}.`
      }`,
  },
  TRAINING_JOB_EXISTS: {
    status: 409,
    exit: 2,
    say: (v: { job: string; folder: string }) =>
      `${v.folder} has another training job named "${v.job}", which was not changed. Choose another name, ` +
      'or remove the folder.',
  },
  TRAINING_JOB_INVALID: {
    status: 422,
    exit: 2,
    say: (v: { job: string; problems: string[] }) =>
      `Training job "${v.job}" is not valid:\n${v.problems.map((problem) => `  - ${problem}`).join('\n')}`,
  },
  TRAINING_JOB_VERSION: {
    status: 422,
    exit: 2,
    say: (v: { job: string; got: string; version: number }) =>
      `Training job "${v.job}" has version ${v.got}, but this betr runs version ${v.version}. Write the job ` +
      'again with this betr, or run it with the betr that wrote it.',
  },
  TRAINING_CARD: {
    status: 500,
    exit: 1,
    say: (v: { job: string; path: string; reason: string }) =>
      `${v.path} cannot be trusted: ${v.reason}. Remove it and run "betr trainer ${v.job}", which makes the ` +
      'result again.',
  },
  TRAINING_BUSY: {
    status: 409,
    exit: 3,
    say: (v: Unfinished) =>
      `Another worker has training job "${v.job}": ${v.reason} "betr status" shows its progress.`,
  },
  TRAINING_STOPPED: {
    status: 503,
    exit: 143,
    say: (v: { job: string }) =>
      `Training job "${v.job}" was stopped before it was done. Its progress is saved; run ` +
      `"betr trainer ${v.job}" to go on.`,
  },
  TRAINING_KILLED: {
    status: 500,
    exit: 1,
    say: (v: { job: string; how: string }) =>
      `The worker of training job "${v.job}" was killed (${v.how}), perhaps because memory ran out. The last ` +
      `checkpoint is kept; run "betr trainer ${v.job}" to go on, with fewer jobs at once (--at-once).`,
  },
  TRAINING_INPUT_CHANGED: refused('Restore the file, or write the job again under another name.'),
  TRAINING_INPUT_MISSING: refused('Put the file back, or write the job again under another name.'),
  TRAINING_INPUT_EMPTY: refused('Write the job again with an input that has rows.'),
  TRAINING_TOKENIZER: refused("Use the model's own tokenizer, or a model made with this one."),
  TRAINING_MODEL_UNSAFE: refused(
    'Convert the weights to safetensors, or set model.trustModelCode in job.json if you trust this folder.',
  ),
  TRAINING_MEMORY: failed('Free memory, run fewer jobs at once, or write the job again with a smaller batch'),
  TRAINING_LOSS: {
    status: 500,
    exit: 1,
    say: (v: Unfinished) =>
      `Training job "${v.job}" failed: ${v.reason} The last good checkpoint is kept. Write the job again with a ` +
      'lower learning rate.',
  },
  TRAINING_DISK_FULL: failed('Free some space'),
  TRAINING_FAILED: {
    status: 500,
    exit: 1,
    say: (v: Unfinished) =>
      `Training job "${v.job}" failed: ${v.reason} Its last checkpoint, if there is one, is kept.`,
  },
} as const;
