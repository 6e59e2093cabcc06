// Ranks a run, as `betr rank` does, in a process that is there to be killed. Arguments: the settings file,
// the number of workers, the scorer.

import { BetrError } from '../../run/errors/errors.ts';
import { withLock } from '../../data/files/lock.ts';
import { silent } from '../../run/progress.ts';
import { openRun } from '../../run/run.ts';
import { rankCorpus } from '../../ranking/rank.ts';

try {
  const run = await openRun(process.argv[2] ?? '');
  const settings = { ...run.settings, workers: Number(process.argv[3]) };
  await withLock(run, () => rankCorpus({ ...run, settings }, silent, process.argv[4]));
  process.exit(0);
} catch (error) {
  // Of two at once, one leaves; workers that die on purpose may be too many.
  if (error instanceof BetrError && ['RUN_LOCKED', 'WORKERS_LOST'].includes(error.code)) process.exit(3);
  throw error;
}
