// Takes a run's lock, writes down that it came in and went out, and ends with the code of its error.

import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { BetrError } from '../../../run/errors/errors.ts';
import { withLock } from '../../../data/files/lock.ts';
import { openRun } from '../../../run/run.ts';

const run = await openRun(process.argv[2] ?? '');
const inside = join(run.folder, 'inside');
try {
  await withLock(run, async () => {
    await appendFile(inside, `in ${process.pid}\n`);
    await setTimeout(100);
    await appendFile(inside, `out ${process.pid}\n`);
  });
} catch (error) {
  if (!(error instanceof BetrError)) throw error;
  process.exitCode = error.exitCode;
}
