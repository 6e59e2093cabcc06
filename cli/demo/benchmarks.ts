// The demo's benchmarks: small sets of questions with answers, written for the demo in the formats of
// published benchmarks.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { commitBytes } from '../../data/files/commit.ts';
import { ifThere } from '../../run/errors/errors.ts';
import { productFolder } from '../../run/product-folder.ts';

export const demoBenchmarks = [
  { name: 'word_problems', what: 'arithmetic word problems with solutions' },
  { name: 'science', what: 'multiple-choice science questions with supporting text' },
  { name: 'everyday', what: 'everyday goals, each with two ways to reach it' },
  { name: 'story_reading', what: 'short stories, each with a question' },
  { name: 'programming', what: 'small programming tasks with code' },
  { name: 'us_history', what: 'multiple-choice questions on United States history' },
] as const;

/**
 * Copies the product's demo benchmarks into `folder`/benchmarks. Files that already have the same bytes are
 * left alone.
 */
export async function prepareBenchmarks(folder: string): Promise<void> {
  for (const { name } of demoBenchmarks) {
    const bytes = await readFile(join(productFolder(), 'cli', 'demo', 'benchmarks', `${name}.jsonl`));
    const path = join(folder, 'benchmarks', `${name}.jsonl`);
    if (!(await ifThere(readFile(path)))?.equals(bytes)) await commitBytes(path, bytes);
  }
}
