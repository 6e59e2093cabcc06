// Targets that are test items: measuring a selection on the items it was aimed at is meaningless, so they are
// refused unless forced, and the force is recorded. A target equals a test item if their texts differ only in
// case, punctuation and spaces.

import { join } from 'node:path';
import { fail } from '../run/errors/errors.ts';
import { openQuarantine } from '../data/files/quarantine.ts';
import type { Run } from '../run/run.ts';
import type { BenchmarkFiles, Example } from './examples/benchmarks.ts';
import type { TestTargets } from './index-card.ts';
import { readExampleRows } from './examples/read.ts';
import type { IndexInputs } from './inputs.ts';
import { sameness } from './examples/same-text.ts';

const shownCharacters = 120;

/**
 * Compares the examples to target with the test items of all benchmarks. Matches are returned with `force`
 * and refused without it. Invalid test rows are quarantined. Errors: TESTS_ARE_FILES, TARGETS_ARE_TESTS;
 * those of `readRows`.
 */
export async function checkTargets(
  run: Run,
  { benchmarks, sameFiles: [sameFile] }: IndexInputs,
  examples: readonly Example[],
  force: boolean,
): Promise<TestTargets> {
  if (sameFile !== undefined && !force) throw fail('TESTS_ARE_FILES', sameFile);
  const tests = await readTestTexts(run, benchmarks);
  if (tests.size === 0) return [];
  const found = new Map<string, TestTargets[number]>();
  const all: { benchmark: string; example: string; tests: string; text: string }[] = [];
  for (const { benchmark, example, text } of examples) {
    const test = tests.get(sameness(text));
    if (test === undefined) continue;
    all.push({ benchmark, example, tests: test, text });
    const known = found.get(benchmark);
    if (known === undefined) found.set(benchmark, { benchmark, examples: 1, first: example });
    else known.examples++;
  }
  const [first] = found.values();
  const [refused] = all;
  if (first === undefined || refused === undefined || force) return [...found.values()];
  const ofExamples = examples.filter(({ benchmark }) => benchmark === first.benchmark).length;
  throw fail('TARGETS_ARE_TESTS', {
    ...first,
    ofExamples,
    tests: refused.tests,
    text: refused.text.replaceAll(/\s+/g, ' ').slice(0, shownCharacters),
    others: [...found.keys()].slice(1),
    all: all.map(({ benchmark, example, tests: of }) => ({ benchmark, example, tests: of })),
  });
}

/** A warning for everything made from the targets. */
export function describeTestTargets(testTargets: TestTargets): string[] {
  if (testTargets.length === 0) return [];
  const parts = testTargets.map(({ benchmark, examples }) => `${examples} of "${benchmark}"`);
  return [
    `Test items are among the targets because of --force-tests (${parts.join(', ')}), so ` +
      'results cannot be measured on these tests.',
  ];
}

/** The benchmark of each test item, by the key that equal texts share. */
async function readTestTexts(run: Run, benchmarks: readonly BenchmarkFiles[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const quarantine = openQuarantine(join(run.files.quarantine, 'index-tests.jsonl'));
  try {
    for (const { benchmark, tests } of benchmarks) {
      for (const { file, position, result, question } of (await readExampleRows(tests, benchmark, quarantine))
        .rows) {
        const text = 'text' in result ? result.text : question;
        const key = text === undefined ? undefined : sameness(text);
        if (key === undefined)
          quarantine.add(file.name, position, 'reason' in result ? result.reason : 'it has no text');
        else if (!found.has(key)) found.set(key, benchmark.name);
      }
    }
  } finally {
    await quarantine.close();
  }
  return found;
}
