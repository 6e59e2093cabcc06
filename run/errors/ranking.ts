// Errors of examples, training, scoring, and rankings.

export const rankingErrors = {
  NO_DOCUMENTS: {
    status: 422,
    exit: 1,
    say: (v: { files: number; quarantined: number; reasons: readonly string[] }) =>
      'The corpus has no usable ' +
      `document: ${v.files === 1 ? '1 file' : `${v.files} files`}, ${v.quarantined === 1 ? '1 row' : `${v.quarantined} rows`} quarantined${v.reasons.length === 0 ? '' : `, such as ${v.reasons.join(', ')}`}. See quarantine/ in the run folder for the reasons, and corpus.fields in the settings.`,
  },
  TOKENS_TOO_MANY: {
    status: 422,
    exit: 1,
    say: (v: { tokens: string; source?: string }) =>
      `The documents come to about ${v.tokens} tokens, and at most ${Number.MAX_SAFE_INTEGER} can be ` +
      `counted exactly. ${
        v.source === undefined ? 'Look' : 'Most of them are of source ' + `"${v.source}": look`
      } at what corpus.fields.tokens names in the settings.`,
  },
  FIELD_MISSING: {
    status: 422,
    exit: 1,
    say: (v: { field: string; setting: string; found: string[]; more: number }) =>
      `No row of the corpus has the field "${v.field}" (${v.setting}). Its rows ` +
      `have ${v.found.map((name) => `"${name}"`).join(', ')}${v.more > 0 ? ` and ${v.more} more` : ''}. ` +
      `Name one of these in the settings${v.setting === 'corpus.fields.text' ? '' : ', or take the setting out'}.`,
  },
  TARGETS_INVALID: {
    status: 422,
    exit: 1,
    say: (v: { path: string; problem: string }) =>
      `${v.path} cannot be learned from: ${v.problem}. It has to have the columns document and score (a ` +
      'number from -1e30 to 1e30, higher is better), with one row for each document and no document ' +
      'outside the sample.',
  },
  TRAINING_TOO_SMALL: {
    status: 422,
    exit: 1,
    say: (v: { documents: number; need: number }) =>
      `Only ${v.documents} documents of the sample have a score, and training needs at least ${v.need}. ` +
      'Raise sample.documents in the settings, or give corpus.files more text.',
  },
  LEAKS_STALE: {
    status: 409,
    exit: 1,
    say: (v: { shard: string; path: string }) =>
      `${v.path} does not cover ${v.shard} as it was ranked: the search for leaks read other files. Run ` +
      '"betr leaks --tests FILES" again, then this.',
  },
  TESTS_TOO_LARGE: {
    status: 422,
    exit: 1,
    say: (v: { runs: number; most: number }) =>
      `The tests have ${v.runs} runs of words to look for, and ${v.most} fit into memory. Give them in ` +
      'several files, one "betr leaks" after the other.',
  },
  SCORER_UNKNOWN: {
    status: 422,
    exit: 2,
    say: (v: { scorer: string; known: string }) => `There is no scorer "${v.scorer}". There are: ${v.known}.`,
  },
  FASTTEXT_INVALID: {
    status: 422,
    exit: 1,
    say: (v: { path: string; problem: string }) =>
      `${v.path} cannot be used as a fastText model: ${v.problem}. It has to be a supervised model of ` +
      'format version 12, as "fasttext supervised" (.bin) and "fasttext quantize" (.ftz) write them.',
  },
  FASTTEXT_LABEL: {
    status: 422,
    exit: 2,
    say: (v: { path: string; label: string; labels: string }) =>
      `${
        v.label === ''
          ? `${v.path} does not say by itself which of its labels is the ` + 'good one'
          : `${v.path} has no label "${v.label}"`
      }; its labels are ${v.labels}. Name one: ` + 'fasttext:FILE#LABEL.',
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
      `Benchmark "${v.benchmark}" names an unknown recipe, "${v.got}". Known: ${v.known}. Leave the ` +
      `recipe out to have it found by the rows' fields.`,
  },
  TESTS_ARE_FILES: {
    status: 422,
    exit: 2,
    say: (v: { benchmark: string; file: string; tests: string }) =>
      `Benchmark "${v.benchmark}" uses its own test items as examples: ${v.file}, one of its ` +
      `files, ${
        v.file === v.tests ? 'is among its tests too' : `has the content of ${v.tests}, one ` + 'of its tests'
      }. Name train splits only in its files; or override this with --force-tests, ` +
      'which is recorded.',
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
      `first (${v.first}, a test item of "${v.tests}"): ` +
      `"${v.text}"${
        v.others.length === 0 ? '' : '; there are such examples ' + `in ${v.others.join(', ')} too`
      }. A selection that is aimed at them cannot be measured on ` +
      `them: take them out of the benchmark's files (--json lists them all), or override this with ` +
      '--force-tests, which is recorded.',
  },
  TOKENS_DIFFER: {
    status: 409,
    exit: 1,
    say: (v: { scorer: string; other: string }) =>
      `The rankings by ${v.scorer} and by ${v.other} count the tokens of the same documents ` +
      'differently, as one was made before the field names or the token rates changed. Run "betr ' +
      `rank --scorer ${v.scorer}" and "betr rank --scorer ${v.other}", then compare them.`,
  },
  NO_TESTS: {
    status: 422,
    exit: 2,
    say: (v: { path: string }) =>
      `No benchmark of ${v.path} names held-out examples to measure on. Give benchmarks "tests", for ` +
      'example tests: [benchmarks/gsm8k/test.jsonl].',
  },
} as const;
