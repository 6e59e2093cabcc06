// Runs with judges, for tests.

import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRun, type Run } from '../../../run/run.ts';

/** Answers that the dummy model gives often enough, and no limit on their probability. */
export const plainQuestion = {
  name: 'useful',
  prompt: '{text}\n\nIs the text above useful? Answer:',
  for: ['yes', 'Yes'],
  against: ['no', 'No'],
  leastMass: 0,
};

/** Writes settings with these models and judges into a folder, by default a new one, and opens the run. */
export async function openJudgeRun(
  judges: readonly object[],
  models: readonly object[] = [{ name: 'try', model: 'dummy' }],
  folder?: string,
): Promise<{ folder: string; run: Run }> {
  const own = folder ?? (await mkdtemp(join(tmpdir(), 'betr-judges-')));
  await writeFile(
    join(own, 'betr.yaml'),
    JSON.stringify({ corpus: { files: ['none.jsonl'] }, models, judges }),
  );
  return { folder: own, run: await openRun(join(own, 'betr.yaml')) };
}
