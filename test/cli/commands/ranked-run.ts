// A run with a ranking of 300 documents, and command lines on it.

import type { Run } from '../../../run/run.ts';
import { makeScoredRows, rankRows, withRun } from '../../ranking/synthetic.ts';
import { betr as carryOut } from '../betr.ts';
import type { Ended } from '../project.ts';

/** Carries out a command line on a run. */
export const betr = (run: Run, ...args: string[]): Promise<Ended> =>
  carryOut(run.settingsFolder, [...args, '--config', run.settingsPath]);

export const withRanked = (use: (run: Run) => Promise<void>): Promise<void> =>
  withRun(async (run) => {
    await rankRows(run, makeScoredRows(300));
    await use(run);
  });
