// The demo's benchmarks: small sets of questions with answers, written for it, in the shapes in which
// benchmarks are published.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { commitBytes } from '../../data/files/commit.ts';
import { ifThere } from '../../run/errors/errors.ts';
import { productFolder } from '../../run/product-folder.ts';

export const demoBenchmarks = [
  { name: 'word_problems', what: 'arithmetic word problems with the solution' },
  { name: 'science', what: 'science questions with choices and support' },
  { name: 'everyday', what: 'how to get everyday things done: a goal and two ways' },
  { name: 'story_reading', what: 'short stories with a question about each' },
  { name: 'programming', what: 'small programming tasks with the code' },
  { name: 'us_history', what: 'questions on the history of the United States with choices' },
] as const;

/**
 * Copies the benchmarks that ship with the product into `folder`/benchmarks. Files that are there with the
 * same bytes are left alone.
 */
export async function prepareBenchmarks(folder: string): Promise<void> {
  for (const { name } of demoBenchmarks) {
    const bytes = await readFile(join(productFolder(), 'cli', 'demo', 'benchmarks', `${name}.jsonl`));
    const path = join(folder, 'benchmarks', `${name}.jsonl`);
    if (!(await ifThere(readFile(path)))?.equals(bytes)) await commitBytes(path, bytes);
  }
}
