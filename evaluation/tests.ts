// The benchmarks' held-out test examples, as texts.

import { fail } from '../run/errors/errors.ts';
import { keyHash } from '../data/files/hash.ts';
import { openQuarantine } from '../data/files/quarantine.ts';
import { listRowFiles } from '../data/rows/rows.ts';
import type { Run } from '../run/run.ts';
import { readExampleRows } from '../indexer/examples/read.ts';
import { join } from 'node:path';

export interface TestExamples {
  benchmark: string;
  texts: string[];
}

/** More examples add little: the interval shrinks with the square root of their number. */
const examplesAtMost = 500;

/**
 * Reads the `tests` of every benchmark that has some, in a seeded order, without duplicate texts. Invalid
 * rows are quarantined. Errors: NO_TESTS if no benchmark has any, NO_EXAMPLES, and those of `listRowFiles`.
 */
export async function readTests(run: Run): Promise<TestExamples[]> {
  const { benchmarks, sample } = run.settings;
  const quarantine = openQuarantine(join(run.files.quarantine, 'tests.jsonl'));
  try {
    const tests: TestExamples[] = [];
    for (const benchmark of benchmarks) {
      if (benchmark.tests === undefined) continue;
      const { name } = benchmark;
      const texts = new Set<string>();
      let problem = 'the files have no rows';
      const before = quarantine.count;
      for (const { file, position, result } of (
        await readExampleRows(await listRowFiles(benchmark.tests, run.settingsFolder), benchmark, quarantine)
      ).rows) {
        if ('text' in result) texts.add(result.text);
        else quarantine.add(file.name, position, (problem = result.reason));
      }
      if (texts.size === 0)
        throw fail('NO_EXAMPLES', {
          benchmark: `${name} (tests)`,
          quarantined: quarantine.count - before,
          reason: problem,
        });
      tests.push({ benchmark: name, texts: chooseSome(texts, sample.seed) });
    }
    if (tests.length === 0) throw fail('NO_TESTS', { path: run.settingsPath });
    return tests;
  } finally {
    await quarantine.close();
  }
}

function chooseSome(texts: ReadonlySet<string>, seed: number): string[] {
  return [...texts]
    .map((text) => ({ text, hash: keyHash(text, seed) }))
    .sort((a, b) => (a.hash === b.hash ? (a.text < b.text ? -1 : 1) : a.hash < b.hash ? -1 : 1))
    .slice(0, examplesAtMost)
    .map(({ text }) => text);
}
