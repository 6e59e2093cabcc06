// Errors of selecting preference pairs.

export const pairSelectionErrors = {
  PAIRS_SIZE: {
    status: 422,
    exit: 2,
    say: (v: { params: string; share: string }) =>
      `The line through Argilla's points (3B: 63.7%, 7B: 71.2%, 14B: 81.3%) says ${v.share}% for a model of ` +
      `${v.params} parameters, so it does not hold that far down. Give a share with --keep, or your own runs ` +
      'with --fit.',
  },
  PAIRS_RUNS: {
    status: 422,
    exit: 2,
    say: (v: { path: string; problem: string }) =>
      `${v.path} is not a table of runs: ${v.problem}. It needs the columns run, keep, win_rate, n, and, for several ` +
      'sizes of model, params, as CSV or JSON.',
  },
  PAIRS_NO_PEAK: {
    status: 422,
    exit: 2,
    say: (v: { run: string; reason: string }) =>
      `The runs do not say how many pairs to keep: run "${v.run}" has no peak, because ${v.reason}. Add runs ` +
      'at other shares, judge more prompts, or give a share with --keep.',
  },
  PAIRS_RUNS_SIZE: {
    status: 422,
    exit: 2,
    say: (v: { params: string; known: string[] }) =>
      `The table of runs has none of a model of ${v.params} parameters, only of ${v.known.join(', ')}. Train at this ` +
      'size, too, or give a share with --keep.',
  },
  PAIRS_MEASUREMENTS: {
    status: 422,
    exit: 2,
    say: (v: { set: string; known: string[] }) =>
      `The pairs "${v.set}" have ${v.known.length} measurements of difficulty, which are not comparable: ` +
      `${v.known.join(', ')}. Choose one with --measurement.`,
  },
  PAIRS_THRESHOLD: {
    status: 409,
    exit: 2,
    say: (v: { got: string; measurement: string; example: string }) =>
      `A threshold on the loss holds only for the measurement that it was read from, because it depends on β and on ` +
      `how the reference models were trained. For measurement "${v.measurement}" as it is now, write it as ` +
      `--max-loss ${v.example}, not ${v.got}.`,
  },
  PAIRS_NONE_KEPT: {
    status: 422,
    exit: 2,
    say: (v: { known: number; asked: string }) =>
      `Of the ${v.known} pairs with a known difficulty, ${v.asked} is not even one. Keep more.`,
  },
  PAIRS_NO_GROUPS: {
    status: 422,
    exit: 2,
    say: (v: { by: string; known: string[] }) =>
      `No pair has a ${v.by}. ${
        v.known.length === 0
          ? 'Nor has any a source, category, or language: name their fields in the settings (pairs, fields)'
          : `Use --by ${v.known.join(' or --by ')}`
      }, or leave out --floor.`,
  },
  PAIRS_FLOOR: {
    status: 422,
    exit: 2,
    say: (v: { floor: string; keep: string }) =>
      `A floor of ${v.floor} for each group is more than the ${v.keep} that is kept in all. Lower --floor, ` +
      'or keep more.',
  },
  PAIRS_FORMAT: {
    status: 422,
    exit: 2,
    say: (v: { format: string; pairs: number; first: string; reason: string; others: string[] }) =>
      `None of the ${v.pairs} pairs can be written as ${v.format}. The first is ${v.first}: ${v.reason}. Use another ` +
      `--format: ${v.others.join(', ')}.`,
  },
} as const;
