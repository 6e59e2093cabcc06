// Errors of trials on preference pairs.

export const pairTrialErrors = {
  PAIRS_TRIAL_UNKNOWN: {
    status: 404,
    exit: 2,
    say: (v: { set: string; name: string; known: string[] }) =>
      `The pairs "${v.set}" have no trial "${v.name}". ${
        v.known.length === 0
          ? `Plan one with "betr pairs trial plan ${v.set}"`
          : `Trials: ${v.known.join(', ')}`
      }.`,
  },
  PAIRS_TRIAL_EXISTS: {
    status: 409,
    exit: 2,
    say: (v: { name: string; path: string }) =>
      `There is another trial "${v.name}", with other options, pairs, difficulties, or tests, in ${v.path}. Choose ` +
      'another --name, or remove that folder and its jobs.',
  },
  PAIRS_TRIAL_SMALL: {
    status: 422,
    exit: 2,
    say: (v: { set: string; known: number; heldOut: number; prompts: number }) =>
      `A trial sets at least two different prompts of the pairs "${v.set}" aside and trains on the others, but of ` +
      `${v.known} pairs with a known difficulty, it could set ${v.heldOut} aside, with ${v.prompts} different ` +
      'prompts. Raise --held-out, or add pairs.',
  },
  PAIRS_TRIAL_STUDENT: {
    status: 422,
    exit: 2,
    say: (v: { set: string; job: string }) =>
      `The model of ${v.job} has learned from the pairs "${v.set}", and perhaps from those that would measure it. ` +
      'Name a student that has not.',
  },
  PAIRS_TRIAL_NO_RESULTS: {
    status: 409,
    exit: 1,
    say: (v: { set: string; name: string; models: number; problems: string[] }) =>
      `No model of trial "${v.name}" is trained yet, of ${v.models}. Run ` +
      `"betr pairs trial run ${v.set} --name ${v.name}".${v.problems
        .slice(0, 10)
        .map((problem) => `\n  - ${problem}`)
        .join('')}`,
  },
} as const;
