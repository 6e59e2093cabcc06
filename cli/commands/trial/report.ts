// `betr trial report`: compares the trained models of a trial, and writes a page and JSON.

import { join } from 'node:path';
import type { Command } from 'commander';
import { trialHtml } from '../../../evaluation/trials/html.ts';
import { calibrationRuns } from '../../../evaluation/trials/calibration.ts';
import { readTrial, trialFolder } from '../../../evaluation/trials/plan-file.ts';
import { reportTrial } from '../../../evaluation/trials/report.ts';
import { reportJson, reportPage, saveReport } from '../../../evaluation/trials/report-file.ts';
import { readResults } from '../../../evaluation/trials/results.ts';
import { commitBytes } from '../../../data/files/commit.ts';
import { calibrate, calibrationName } from '../../../ranking/budget/calibrations.ts';
import { fail } from '../../../run/errors/errors.ts';
import type { Report } from '../../../run/progress.ts';
import { openRun, type Run } from '../../../run/run.ts';
import { settingsToShow } from '../../../run/settings.ts';
import { readVersion } from '../../../run/version.ts';
import { defaultScorer } from '../../../scoring/scorers/list.ts';
import { openProgress, printResult } from '../../output.ts';
import { type TrialOptions, trialOf } from './options.ts';
import { describeTrial } from './text.ts';

interface ReportOptions extends TrialOptions {
  calibration?: string;
  scorer: string;
}

export function reportCommand(): Command {
  return trialOf('report', 'compare the trained models of a trial, as text, JSON, and one HTML page')
    .option(
      '--calibration <name>',
      'also fit a keep-rate law to the runs, for --pool NAME (as betr calibrate)',
    )
    .option('--scorer <name>', 'scorer whose shares are compared for --calibration', defaultScorer)
    .action(async (options: ReportOptions) => {
      const run = await openRun(options.config);
      const progress = openProgress();
      const make = async () => {
        const report = await reportTrial(run, options.name, progress.report);
        await saveReport(run, report);
        const folder = trialFolder(run, options.name);
        await commitBytes(
          join(folder, reportPage),
          await trialHtml(report, { betr: readVersion(), settings: settingsToShow(run.settings) }),
        );
        return { report, law: await fitLaw(run, options, progress.report), folder };
      };
      const { report, law, folder } = await make().finally(progress.end);
      printResult(
        options.json,
        law === undefined ? report : { ...report, calibration: law },
        [
          describeTrial(report),
          ...(law === undefined ? [] : ['', `${law.name}: ${law.formula}. Use it with --pool ${law.name}.`]),
          '',
          `Everything, with curves: ${join(folder, reportPage)} and ${reportJson}`,
        ].join('\n'),
      );
    });
}

/** Errors: OPTION_INVALID, CALIBRATION_REFUSED. */
async function fitLaw(run: Run, { name, calibration, scorer }: ReportOptions, report: Report) {
  if (calibration === undefined) return undefined;
  const checked = calibrationName.safeParse(calibration);
  if (!checked.success)
    throw fail('OPTION_INVALID', {
      option: '--calibration',
      got: calibration.slice(0, 100),
      allowed: checked.error.issues[0]?.message ?? '',
    });
  const plan = await readTrial(run, name);
  const { results } = await readResults(run, plan, report);
  return calibrate(run, calibration, calibrationRuns(plan, results, scorer));
}
