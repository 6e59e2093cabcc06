// Errors of examples, training, scoring, and rankings.

export const rankingErrors = {
  NO_DOCUMENTS: {
    status: 422,
    exit: 1,
    say: (v: { files: number; quarantined: number; reasons: readonly string[] }) =>
      `The corpus has no usable document: ${v.files === 1 ? '1 file' : `${v.files} files`}, ` +
      `${v.quarantined === 1 ? '1 row' : `${v.quarantined} rows`} quarantined` +
      `${v.reasons.length === 0 ? '' : `, such as ${v.reasons.join(', ')}`}. ` +
      'quarantine/ in the run folder lists the reasons; check corpus.fields in the settings.',
  },
  NO_SCORES: {
    status: 422,
    exit: 1,
    say: (v: { documents: number; reasons: string; notes: readonly string[] }) =>
      `The scorer gave none of the ${v.documents} documents a score, so there is nothing to rank ` +
      `(${v.reasons}). Use another scorer, or change the scorer's settings and rank again.` +
      v.notes.map((note) => ` ${note}`).join(''),
  },
  TOKENS_TOO_MANY: {
    status: 422,
    exit: 1,
    say: (v: { tokens: string; source?: string }) =>
      `The documents have about ${v.tokens} tokens, but counts are exact only up to ` +
      `${Number.MAX_SAFE_INTEGER}. ` +
      `${v.source === undefined ? 'Check' : `Most of them are from source "${v.source}": check`} ` +
      'the field that corpus.fields.tokens names in the settings.',
  },
  FIELD_MISSING: {
    status: 422,
    exit: 1,
    say: (v: { field: string; setting: string; found: string[]; more: number }) =>
      `No row of the corpus has the field "${v.field}" (${v.setting}). Its rows ` +
      `have ${v.found.map((name) => `"${name}"`).join(', ')}${v.more > 0 ? ` and ${v.more} more` : ''}. ` +
      `Name one of these in the settings${v.setting === 'corpus.fields.text' ? '' : ', or remove the setting'}.`,
  },
  FIELD_TAKEN: {
    status: 422,
    exit: 1,
    say: (v: { path: string; field: string }) =>
      `The documents of ${v.path} already have a field "${v.field}", which --repeat would add. Use --format ` +
      'rows: selection.parquet then has the column beside the shard and row of each document.',
  },
  TARGETS_INVALID: {
    status: 422,
    exit: 1,
    say: (v: { path: string; problem: string }) =>
      `${v.path} cannot be used for training: ${v.problem}. It must have the columns document and score ` +
      '(a number from -1e30 to 1e30, higher is better), one row for each document, and only documents ' +
      'of the sample.',
  },
  TRAINING_TOO_SMALL: {
    status: 422,
    exit: 1,
    say: (v: { documents: number; need: number; isWhole?: boolean; advice?: string }) =>
      (v.isWhole === true
        ? `The sample has only ${v.documents} documents`
        : `Only ${v.documents} documents of the sample have a score`) +
      `, but training needs at least ${v.need}. ` +
      `Raise sample.documents in the settings and run "betr index", ${
        v.advice === undefined || v.advice === '' ? '' : `${v.advice}, `
      }or add more text to corpus.files.`,
  },
  LEAKS_STALE: {
    status: 409,
    exit: 1,
    say: (v: { shard: string; path: string }) =>
      `${v.path} does not cover ${v.shard} as it was ranked: the leak search read different files. Run ` +
      '"betr leaks --tests FILES" again, then this command.',
  },
  TESTS_TOO_LARGE: {
    status: 422,
    exit: 1,
    say: (v: { runs: number; most: number }) =>
      `The tests have ${v.runs} word sequences to look for, but only ${v.most} fit in memory. Split the ` +
      'tests into several files and run "betr leaks" on one file at a time.',
  },
  SCORER_UNKNOWN: {
    status: 422,
    exit: 2,
    say: (v: { scorer: string; known: string }) =>
      `There is no scorer "${v.scorer}". Available scorers: ${v.known}.`,
  },
  FASTTEXT_INVALID: {
    status: 422,
    exit: 1,
    say: (v: { path: string; problem: string }) =>
      `${v.path} cannot be used as a fastText model: ${v.problem}. It must be a supervised model in ` +
      'format version 12, as written by "fasttext supervised" (.bin) or "fasttext quantize" (.ftz).',
  },
  FASTTEXT_LABEL: {
    status: 422,
    exit: 2,
    say: (v: { path: string; label: string; labels: string }) =>
      `${
        v.label === ''
          ? `${v.path} does not say which label is the positive one`
          : `${v.path} has no label "${v.label}"`
      }; its labels are ${v.labels}. Name one: fasttext:FILE#LABEL.`,
  },
  PROGRAM_MISSING: {
    status: 500,
    exit: 1,
    say: (v: { program: string; how: string }) => `The program "${v.program}" is not on the PATH. ${v.how}.`,
  },
  PROGRAM_FAILED: {
    status: 500,
    exit: 1,
    say: (v: { command: string; reason: string }) => `"${v.command}" failed: ${v.reason}.`,
  },
  NO_EXAMPLES: {
    status: 422,
    exit: 1,
    say: (v: { benchmark: string; quarantined: number; reason: string }) =>
      `Benchmark "${v.benchmark}" has no usable example (${v.quarantined} rows ` +
      `quarantined): ${v.reason}. "betr examples" shows every reason. Set the benchmark's template, ` +
      `such as "{question}\\n{choices[gold]}", or its recipe (docs/inputs.md).`,
  },
  RECIPE_UNKNOWN: {
    status: 422,
    exit: 2,
    say: (v: { benchmark: string; got: string; known: string }) =>
      `Benchmark "${v.benchmark}" names an unknown recipe, "${v.got}". Known recipes: ${v.known}. Remove ` +
      `the setting to choose a recipe by the rows' fields.`,
  },
  TESTS_ARE_FILES: {
    status: 422,
    exit: 2,
    say: (v: { benchmark: string; file: string; tests: string }) =>
      `Benchmark "${v.benchmark}" uses its own test items as examples: ${v.file}, one of its files, ` +
      `${v.file === v.tests ? 'is also one of its tests' : `has the same content as ${v.tests}, one of its tests`}. ` +
      'List only train splits under files, or override this with --force-tests, which is recorded.',
  },
  TARGETS_ARE_TESTS: {
    status: 422,
    exit: 1,
    say: (v: {
      benchmark: string;
      examples: number;
      ofExamples: number;
      first: string;
      text: string;
      tests: string;
      others: string[];
      all: object[];
    }) =>
      `${v.examples} of the ${v.ofExamples} examples of benchmark "${v.benchmark}" are test items, the ` +
      `first (${v.first}, a test item of "${v.tests}"): "${v.text}"` +
      `${v.others.length === 0 ? '' : `; there are more in ${v.others.join(', ')}`}. ` +
      'A selection that targets test items cannot be measured on them: remove them from the ' +
      `benchmark's files (--json lists them all), or override this with --force-tests, which is recorded.`,
  },
  TOKENS_DIFFER: {
    status: 409,
    exit: 1,
    say: (v: { scorer: string; other: string }) =>
      `The rankings by ${v.scorer} and by ${v.other} count the tokens of the same documents ` +
      'differently, because one was made before the field names or the token rates changed. Run "betr ' +
      `rank --scorer ${v.scorer}" and "betr rank --scorer ${v.other}", then compare them.`,
  },
  NO_TESTS: {
    status: 422,
    exit: 2,
    say: (v: { path: string }) =>
      `No benchmark in ${v.path} names held-out examples to measure on. Give benchmarks "tests", for ` +
      'example tests: [benchmarks/gsm8k/test.jsonl].',
  },
} as const;
