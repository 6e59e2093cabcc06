// Errors of preference pairs.

export const pairsErrors = {
  PAIRS_UNKNOWN: {
    status: 404,
    exit: 2,
    say: (v: { name: string; known: string[] }) =>
      `There is no set of pairs "${v.name}" in the settings. ${
        v.known.length === 0 ? 'Add one under "pairs"' : `Sets: ${v.known.join(', ')}`
      }.`,
  },
  PAIR_UNKNOWN: {
    status: 404,
    exit: 2,
    say: (v: { set: string; id: string }) =>
      `The set of pairs "${v.set}" has no pair with the id "${v.id}". Ids are those of the files, or FILE:LINE.`,
  },
  PAIRS_FIELD_MISSING: {
    status: 422,
    exit: 2,
    say: (v: { set: string; field: string; setting: string; found: string[] }) =>
      `No row of the pairs "${v.set}" has the field "${v.field}" (${v.setting}). They have: ${v.found.join(', ')}.`,
  },
  PAIRS_NONE: {
    status: 422,
    exit: 1,
    say: (v: { name: string; rows: number; reasons: string[]; found: string[] }) =>
      `The pairs "${v.name}": none of ${v.rows} rows is usable.${v.reasons
        .map((reason) => `\n  - ${reason}`)
        .join('')}${v.found.length === 0 ? '' : `\nThe rows have the fields ${v.found.join(', ')}.`}`,
  },
} as const;
