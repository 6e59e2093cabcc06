// `betr pairs trial report`: compares the models of a trial.

import type { Command } from 'commander';
import { withLock } from '../../../../data/files/lock.ts';
import { reportPairTrial } from '../../../../evaluation/pair-trials/report.ts';
import { openRun } from '../../../../run/run.ts';
import { openProgress, printResult } from '../../../output.ts';
import { type NamedTrial, pairTrialOf } from './options.ts';
import { describePairTrial } from './report-text.ts';

export function pairTrialReportCommand(): Command {
  return pairTrialOf('report', 'compare the models of a trial, as text and JSON').action(
    async (set: string, options: NamedTrial) => {
      const run = await openRun(options.config);
      const progress = openProgress();
      const report = await withLock(
        run,
        () => reportPairTrial(run, set, options.name, progress.report),
        progress.report,
      ).finally(progress.end);
      printResult(options.json, report, describePairTrial(report));
    },
  );
}
