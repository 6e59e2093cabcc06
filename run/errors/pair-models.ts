// Errors of measuring difficulty by models that a Python worker trains.

export const pairModelErrors = {
  PAIRS_MODEL_UNKNOWN: {
    status: 404,
    exit: 2,
    say: (v: { got: string; known: string[] }) =>
      `There is no model "${v.got}" to train on preference pairs. Name a Hugging Face folder (with a "/"), a ` +
      'training ' +
      `job, or a model in the settings whose place is a folder.${
        v.known.length === 0 ? '' : ` Known: ${v.known.join(', ')}.`
      }`,
  },
  PAIRS_MODELS_OTHER: {
    status: 409,
    exit: 2,
    say: (v: { name: string; folder: string }) =>
      `The measurement "${v.name}" was begun with other settings, another model or other pairs, and its models stay. ` +
      `Choose another name with --name, or remove ${v.folder} and the training jobs that it names.`,
  },
  PAIRS_MODELS_UNFINISHED: {
    status: 409,
    exit: 1,
    say: (v: { name: string; problems: string[] }) =>
      `The measurement "${v.name}" needs models that are not ready: ${v.problems.join('; ')}. Run the same command ` +
      'again to go on, or "betr trainer --all".',
  },
} as const;
