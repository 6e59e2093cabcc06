// The test items that are looked for: rows of benchmark test files as texts, with what makes them identical to an example.

import { createHash } from 'node:crypto';
import { basename, dirname } from 'node:path';
import { sha256File } from '../../data/commit.ts';
import type { Shard } from '../../data/documents.ts';
import { fail } from '../../data/errors.ts';
import type { Quarantine } from '../../data/quarantine.ts';
import { readRows } from '../../data/read.ts';
import { fingerprint } from '../../data/run.ts';
import { exampleText, questionText } from '../example-text.ts';
import { listWords } from './words.ts';

export interface TestItem {
  benchmark: string;
  /** The row's id, or file#row where it has none. */
  item: string;
  text: string;
}

/** Reads test files. A row without an answer counts with its question; one without either is quarantined. Errors: NO_EXAMPLES, those of `readRows`. */
export async function readTests(files: readonly Shard[], quarantine: Quarantine): Promise<TestItem[]> {
  const items: TestItem[] = [];
  for (const { name, path } of files) {
    for await (const { position, row } of readRows(path, quarantine)) {
      const whole = exampleText(row);
      const text = 'text' in whole ? whole.text : questionText(row);
      if (text === undefined) quarantine.add(name, position, 'reason' in whole ? whole.reason : 'no text');
      else items.push({ benchmark: benchmarkOf(row, name), item: itemName(row, name, position), text });
    }
  }
  if (items.length === 0) throw fail('NO_EXAMPLES', { benchmark: files.map(({ name }) => name).join(', '), quarantined: quarantine.count });
  return items;
}

/** Changes with the content of the test files. */
export async function fingerprintTests(files: readonly Shard[]): Promise<string> {
  return fingerprint(await Promise.all(files.map(async ({ name, path }) => [name, await sha256File(path)])));
}

/** What two texts share that are the same but for case, punctuation and spaces. */
export function sameness(text: string): string {
  const words = listWords(text).map(({ word }) => word).join(' ');
  return createHash('sha256').update(words === '' ? `text ${text.trim()}` : `words ${words}`).digest('hex').slice(0, 32);
}

/** The row's own word for it, else the file's name, or its folder's where the file is called "test" alone. */
function benchmarkOf(row: Readonly<Record<string, unknown>>, file: string): string {
  const { benchmark } = row;
  if (typeof benchmark === 'string' && benchmark !== '') return benchmark;
  const plain = basename(file).replace(/\.(jsonl|ndjson|json)(\.\w+)?$/i, '');
  const folder = basename(dirname(file));
  return /^(test|dev|val|validation|eval)$/i.test(plain) && folder !== '' && folder !== '.' ? folder : plain;
}

function itemName(row: Readonly<Record<string, unknown>>, file: string, position: number): string {
  const { id } = row;
  return (typeof id === 'string' && id !== '') || typeof id === 'number' ? String(id) : `${file}#${position}`;
}
