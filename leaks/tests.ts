// The test items that are looked for: rows of benchmark test files as texts, with what makes them identical to an example.

import { createHash } from 'node:crypto';
import { basename, dirname } from 'node:path';
import { sha256File } from '../data/files/commit.ts';
import type { ListedFile } from '../data/documents.ts';
import { fail } from '../run/errors/errors.ts';
import type { Quarantine } from '../data/files/quarantine.ts';
import { fingerprint } from '../run/run.ts';
import { readExampleRows } from '../indexer/examples/read.ts';
import { readRecipes } from '../indexer/examples/recipes.ts';
import { listWords } from '../indexer/examples/words.ts';

export interface TestItem {
  benchmark: string;
  /** The row's id, or file#row where it has none. */
  item: string;
  text: string;
}

/** Reads test files. A row without an answer counts with its question; one without either is quarantined. Errors: NO_EXAMPLES, those of `readRows`. */
export async function readTests(files: readonly ListedFile[], quarantine: Quarantine): Promise<TestItem[]> {
  const items: TestItem[] = [];
  let problem = 'the files have no row';
  for (const file of files) {
    // File by file, as each may be of another benchmark.
    for (const { position, id, result, question, benchmark } of (await readExampleRows([file], {}, quarantine)).rows) {
      const text = 'text' in result ? result.text : question;
      if (text !== undefined) items.push({ benchmark: benchmark ?? benchmarkOf(file.name), item: id, text });
      else {
        problem = 'reason' in result ? result.reason : 'no text';
        quarantine.add(file.name, position, problem);
      }
    }
  }
  if (items.length === 0) throw fail('NO_EXAMPLES', { benchmark: files.map(({ name }) => name).join(', '), quarantined: quarantine.count, reason: problem });
  return items;
}

/** Changes with the content of the test files, and with what makes texts of it. */
export async function fingerprintTests(files: readonly ListedFile[]): Promise<string> {
  return fingerprint([readRecipes().fingerprint, await Promise.all(files.map(async ({ name, path }) => [name, await sha256File(path)]))]);
}

/** What two texts share that are the same but for case, punctuation and spaces. */
export function sameness(text: string): string {
  const words = listWords(text).map(({ word }) => word).join(' ');
  return createHash('sha256').update(words === '' ? `text ${text.trim()}` : `words ${words}`).digest('hex').slice(0, 32);
}

/** The file's name, or its folder's where the file is called "test" alone. */
function benchmarkOf(file: string): string {
  const plain = basename(file).replace(/\.(jsonl|ndjson|json|csv|tsv|parquet)(\.\w+)?$/i, '');
  const folder = basename(dirname(file));
  return /^(test|dev|val|validation|eval)$/i.test(plain) && folder !== '' && folder !== '.' ? folder : plain;
}
