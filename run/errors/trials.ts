// Errors of trials.

export const trialErrors = {
  TRIAL_UNKNOWN: {
    status: 404,
    exit: 2,
    say: (v: { name: string; known: string[] }) =>
      `There is no trial "${v.name}". ${
        v.known.length === 0 ? 'Plan one with "betr trial plan"' : `Trials: ${v.known.join(', ')}`
      }.`,
  },
  TRIAL_EXISTS: {
    status: 409,
    exit: 2,
    say: (v: { name: string; path: string }) =>
      `There is another trial "${v.name}", with other options, rankings, or tests, in ${v.path}. Choose another ` +
      '--name, or remove that folder and its jobs.',
  },
  TRIAL_VERSION: {
    status: 409,
    exit: 2,
    say: (v: { name: string; path: string; got: string; version: number }) =>
      `${v.path} is a plan of version ${v.got}, but this betr reads version ${v.version}. Plan the trial again ` +
      'under another --name, or use the betr that planned it.',
  },
  TRIAL_ARM_EMPTY: {
    status: 422,
    exit: 2,
    say: (v: { arm: string; keep: string; kept: number; leaks: number }) =>
      `Arm "${v.arm}" at ${v.keep} has no document to train on: the cut keeps ${v.kept}, of which ${v.leaks} ` +
      'contain test items and the others are held out. Raise --keep.',
  },
  TRIAL_CUT_SMALL: {
    status: 422,
    exit: 2,
    say: (v: { arm: string; keep: string; tokens: string; passes: string; most: number }) =>
      `Arm "${v.arm}" at ${v.keep} has about ${v.tokens} tokens, which would be seen ${v.passes} times. After ` +
      `${v.most} times, a model learns next to nothing more from them. Raise --keep or lower --tokens.`,
  },
  TRIAL_TARGETS: {
    status: 422,
    exit: 2,
    say: (v: { arm: string; benchmarks: string }) =>
      `The ranking of arm "${v.arm}" targets test items of ${v.benchmarks} (--force-tests), so a trial cannot ` +
      'measure it on them. Index and rank without --force-tests.',
  },
  TRIAL_NO_VALIDATION: {
    status: 422,
    exit: 2,
    say: (v: { texts: number }) =>
      '--tune measures models on texts that are set aside, one of every two or more held-out texts of a source. At ' +
      `most a tenth of a source is held out, here ${v.texts} in all. Leave out --tune, or use a larger corpus.`,
  },
  LM_EVAL_FAILED: {
    status: 502,
    exit: 1,
    say: (v: { job: string; reason: string }) =>
      `lm-evaluation-harness failed on the model of ${v.job}: ${v.reason} Tasks that are not the trial's own need ` +
      'their data sets, which the harness downloads.',
  },
  TRIAL_NO_RESULTS: {
    status: 409,
    exit: 1,
    say: (v: { name: string; jobs: number; problems: string[] }) =>
      `Trial "${v.name}" has no finished job of ${v.jobs}, so there is nothing to report. Run ` +
      `"betr trial run --name ${v.name}".${v.problems.map((problem) => `\n  - ${problem}`).join('')}`,
  },
} as const;
