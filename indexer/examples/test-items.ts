// Reads benchmark test files: each row becomes a test item with its text.

import { basename, dirname } from 'node:path';
import type { ListedFile } from '../../data/documents.ts';
import { fail } from '../../run/errors/errors.ts';
import { dropEnding } from '../../data/files/endings.ts';
import type { Quarantine } from '../../data/files/quarantine.ts';
import { readExampleRows } from './read.ts';

export interface TestItem {
  benchmark: string;
  /** The row's id, or file#row if it has none. */
  item: string;
  text: string;
}

/**
 * Reads test files. A row without an answer is represented by its question; a row with neither is
 * quarantined. Errors: NO_EXAMPLES, those of `readRows`.
 */
export async function readTests(files: readonly ListedFile[], quarantine: Quarantine): Promise<TestItem[]> {
  const items: TestItem[] = [];
  let problem = 'the files have no rows';
  for (const file of files) {
    // One file at a time, because each may belong to another benchmark.
    for (const { position, id, result, question, benchmark } of (
      await readExampleRows([file], {}, quarantine)
    ).rows) {
      const text = 'text' in result ? result.text : question;
      if (text !== undefined) items.push({ benchmark: benchmark ?? benchmarkOf(file.name), item: id, text });
      else {
        problem = 'reason' in result ? result.reason : 'it has no text';
        quarantine.add(file.name, position, problem);
      }
    }
  }
  if (items.length === 0)
    throw fail('NO_EXAMPLES', {
      benchmark: files.map(({ name }) => name).join(', '),
      quarantined: quarantine.count,
      reason: problem,
    });
  return items;
}

/** The file's name, or its folder's name if the file is just called "test". */
function benchmarkOf(file: string): string {
  const plain = dropEnding(basename(file));
  const folder = basename(dirname(file));
  return /^(test|dev|val|validation|eval)$/i.test(plain) && folder !== '' && folder !== '.' ? folder : plain;
}
