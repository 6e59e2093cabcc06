// Errors of settings and the command line.

export const settingsErrors = {
  SETTINGS_NOT_FOUND: {
    status: 404,
    exit: 2,
    say: (v: { path: string }) =>
      `No settings file at ${v.path}. Create one with "betr init", or specify one with --config FILE.`,
  },
  SETTINGS_INVALID: {
    status: 422,
    exit: 2,
    say: (v: { path: string; problems: string[] }) =>
      `${v.path} is not valid:\n${v.problems.map((p) => `  - ${p}`).join('\n')}`,
  },
  CORPUS_MISSING: {
    status: 409,
    exit: 2,
    say: (v: { path: string }) =>
      `This needs a corpus, but ${v.path} has only preference pairs. Add corpus.files to it, or use "betr pairs".`,
  },
  SETTINGS_EXIST: {
    status: 409,
    exit: 2,
    say: (v: { path: string }) =>
      `${v.path} already exists and was not changed. Remove it, or choose another file with --config FILE.`,
  },
  USAGE: { status: 400, exit: 2, say: (v: { problem: string }) => v.problem },
  BUDGET_INVALID: {
    status: 400,
    exit: 2,
    say: (v: { got: string }) =>
      `budget is "${v.got}", but it must be a number of FLOPs above 0 and at most 1e30, such as 1e21.`,
  },
  OPTION_INVALID: {
    status: 400,
    exit: 2,
    say: (v: { option: string; got: string; allowed: string }) =>
      `${v.option} is "${v.got}", but it must be ${v.allowed}.`,
  },
  RUN_LOCKED: {
    status: 409,
    exit: 3,
    say: (v: { dir: string; pid: number; host: string; since: string }) =>
      `Another betr (process ${v.pid} on ${v.host}, since ${v.since}) is working on ${v.dir}. Wait for ` +
      `it to finish; if that process is gone, remove ${v.dir}/lock.`,
  },
  STEP_MISSING: {
    status: 409,
    exit: 1,
    say: (v: { need: string; command: string; hint?: string }) =>
      `There is no ${v.need} yet. Run "${v.command}" first.${v.hint === undefined ? '' : ` ${v.hint}.`}`,
  },
} as const;
