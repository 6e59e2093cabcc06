// Errors of measuring how difficult preference pairs are.

const names = (known: string[]): string => (known.length === 0 ? 'none yet' : known.join(', '));

export const measurementErrors = {
  MEASUREMENT_UNKNOWN: {
    status: 404,
    exit: 2,
    say: (v: { set: string; name: string; known: string[] }) =>
      `The pairs "${v.set}" have no measurement "${v.name}". Measurements: ${names(v.known)}. ` +
      `"betr pairs measure ${v.set}" makes one.`,
  },
  MEASUREMENT_OTHER_PAIRS: {
    status: 409,
    exit: 1,
    say: (v: { set: string; name: string; path: string }) =>
      `The measurement "${v.name}" is of other pairs: the files of "${v.set}" have changed since. Measure again ` +
      `with "betr pairs measure ${v.set}", or remove ${v.path}.`,
  },
  MEASUREMENT_NAME: {
    status: 400,
    exit: 2,
    say: (v: { got: string }) =>
      `A measurement cannot be called "${v.got}". Use up to 100 letters, digits, ".", "_" and "-", and start with ` +
      'a letter or digit.',
  },
  MEASUREMENT_EMPTY: {
    status: 422,
    exit: 1,
    say: (v: { name: string; reasons: string }) =>
      `The measurement "${v.name}" finds the difficulty of no pair: ${v.reasons}.`,
  },
  MEASUREMENT_CONSTANT: {
    status: 422,
    exit: 1,
    say: (v: { name: string; difficulty: string; pairs: number }) =>
      `The measurement "${v.name}" gives all ${v.pairs} pairs the same difficulty, ${v.difficulty}, ` +
      'so it cannot order them. If it is 0.693147, the models did not learn anything: check that the log ' +
      'probabilities are of trained models.',
  },
  PAIRS_NO_COLUMNS: {
    status: 422,
    exit: 2,
    say: (v: { set: string }) =>
      `The settings name no log probabilities in the files of "${v.set}". Set pairs[].logProbabilities, or measure ` +
      'without them: --by bradley-terry, --by margin, or --by models.',
  },
  PAIRS_COLUMN_MISSING: {
    status: 422,
    exit: 2,
    say: (v: { set: string; column: string; beside: string }) =>
      `The files of "${v.set}" have no column "${v.column}"` +
      `${v.beside === '' ? '' : `, but they have "${v.beside}"`}. ` +
      'Check pairs[].logProbabilities.',
  },
  PAIRS_NOT_SPLIT: {
    status: 422,
    exit: 1,
    say: (v: { set: string; pairs: number }) =>
      `The ${v.pairs} pairs of "${v.set}" cannot be split into halves with different prompts: their prompts are all ` +
      'nearly the same. Add pairs with other prompts, or measure them by log probabilities that you have ' +
      '(--by columns).',
  },
} as const;
