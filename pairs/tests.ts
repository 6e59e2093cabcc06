// Which prompts have words of benchmark tests. A model that trains on them cannot be measured on those tests.

import { fingerprintTests } from '../leaks/tests.ts';
import { openFinder } from '../leaks/find.ts';
import { readTests, type TestItem } from '../indexer/examples/test-items.ts';
import type { Quarantine } from '../data/files/quarantine.ts';
import { listRowFiles } from '../data/rows/rows.ts';
import type { Settings } from '../run/settings.ts';
import type { Checked } from './card.ts';

type Tests = NonNullable<Checked['tests']>;

export interface TestSearch {
  /** Changes with the test files. */
  fingerprint: string;
  /** The test item that a prompt has words of, as BENCHMARK/ITEM; null for none. Counts what it finds. */
  find(id: string, prompt: string): string | null;
  found(): Tests;
}

const mostShown = 20;
const passageCharacters = 200;

/**
 * Opens a search for the test items of the settings' benchmarks, in runs of 13 words as in `betr leaks`; undefined if
 * the settings name no tests. Errors: NO_EXAMPLES, TESTS_TOO_LARGE; those of listing and reading files.
 */
export async function openTestSearch(
  { benchmarks }: Pick<Settings, 'benchmarks'>,
  folder: string,
  quarantine: Quarantine,
): Promise<TestSearch | undefined> {
  const items: TestItem[] = [];
  const fingerprints: [benchmark: string, tests: string][] = [];
  for (const { name, tests } of benchmarks) {
    if (tests === undefined) continue;
    const files = await listRowFiles(tests, folder);
    fingerprints.push([name, await fingerprintTests(files)]);
    items.push(...(await readTests(files, quarantine)).map((item) => ({ ...item, benchmark: name })));
  }
  if (fingerprints.length === 0) return undefined;
  const finder = openFinder(items.map(({ text }) => text));
  const counts = new Map(fingerprints.map(([benchmark]) => [benchmark, 0]));
  const first: Tests['first'] = [];
  let pairs = 0;
  return {
    fingerprint: JSON.stringify(fingerprints),
    find(id, prompt) {
      const bytes = Buffer.from(prompt);
      const passages = finder.find(bytes, 0, bytes.length);
      const [passage] = passages;
      const item = items[passage?.item ?? -1];
      if (passage === undefined || item === undefined) return null;
      pairs++;
      for (const benchmark of new Set(passages.map((one) => items[one.item]?.benchmark ?? '')))
        counts.set(benchmark, (counts.get(benchmark) ?? 0) + 1);
      if (first.length < mostShown)
        first.push({
          id,
          benchmark: item.benchmark,
          item: item.item,
          passage: bytes
            .toString('utf8', passage.startByte, passage.endByte)
            .slice(0, passageCharacters)
            .toWellFormed(),
        });
      return `${item.benchmark}/${item.item}`;
    },
    found: () => ({
      items: items.length,
      pairs,
      benchmarks: [...counts].map(([benchmark, count]) => ({ benchmark, pairs: count })),
      first,
    }),
  };
}
