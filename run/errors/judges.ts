// The errors of judges.

export const judgesErrors = {
  JUDGE_UNKNOWN: {
    status: 404,
    exit: 2,
    say: (v: { name: string; known: string[] }) =>
      `The settings have no judge "${v.name}". ${
        v.known.length === 0
          ? 'List judges under "judges:", each with a name, a model and a preset, a subject or questions'
          : `They have: ${v.known.join(', ')}`
      }.`,
  },
  JUDGE_INVALID: {
    status: 422,
    exit: 2,
    say: (v: { judge: string; problem: string }) => `The judge "${v.judge}" cannot be used: ${v.problem}.`,
  },
  JUDGE_BUDGET: {
    status: 409,
    exit: 1,
    say: (v: { judge: string; spent: string; key: string }) =>
      `The judge "${v.judge}" has used its budget: ${v.spent}. All its answers are kept. Raise ${v.key} in ` +
      'the settings and run the same command again to go on.',
  },
  JUDGE_WITHOUT_SCORES: {
    status: 422,
    exit: 1,
    say: (v: { judge: string; documents: number; reasons: string; hint: string; notes: readonly string[] }) =>
      `The judge "${v.judge}" gave none of ${v.documents} documents a score (${v.reasons}). ${v.hint}.` +
      v.notes.map((note) => ` ${note}`).join(''),
  },
  EXAM_TEXTS_MISSING: {
    status: 422,
    exit: 1,
    say: (v: { side: string; what: string; notes: readonly string[] }) =>
      `The exam needs texts that should score ${v.side === 'for' ? 'high' : 'low'}, but there are none ` +
      `(${v.what}).${v.notes.map((note) => ` ${note}.`).join('')} ` +
      'Name others with --for and --against, or give a file of labeled texts with --labeled.',
  },
  JUDGE_EXAM_FAILED: {
    status: 422,
    exit: 1,
    say: (v: { judge: string; verdict: string; problem: string; advice: string }) =>
      `The judge "${v.judge}" failed its exam (${v.verdict}): ${v.problem}. ${v.advice}. "betr ` +
      `judge ${v.judge} --exam" shows ` +
      'every question. To use this judge anyway, add --force-judge; the ranking records it.',
  },
} as const;
