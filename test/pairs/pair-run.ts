// A run with a set of pairs, for tests.

import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkSet } from '../../pairs/check.ts';
import { openPairs, type PairSet } from '../../pairs/set.ts';
import { silent } from '../../run/progress.ts';
import { openRun, type Run } from '../../run/run.ts';

export interface PairRun {
  run: Run;
  set: PairSet;
  /** The settings file. */
  config: string;
  remove: () => Promise<void>;
}

/** Reads rows as a set named "feedback", whose settings are extended by `more`; `settings` are of the whole run. */
export async function openPairRun(
  rows: readonly object[],
  more: object = {},
  settings: object = {},
): Promise<PairRun> {
  const folder = await mkdtemp(join(tmpdir(), 'betr-pairs-'));
  await writeFile(join(folder, 'pairs.jsonl'), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const config = join(folder, 'betr.yaml');
  await writeFile(
    config,
    JSON.stringify({
      run: 'run',
      corpus: { files: ['none.jsonl'] },
      ...settings,
      pairs: [{ name: 'feedback', files: ['pairs.jsonl'], ...more }],
    }),
  );
  const run = await openRun(config);
  await checkSet(run, 'feedback', silent);
  return {
    run,
    set: await openPairs(run, 'feedback'),
    config,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
