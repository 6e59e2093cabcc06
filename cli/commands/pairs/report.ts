// `betr pairs report`: what is hard in a set of pairs, and what two measurements say of the same pairs.

import type { Command } from 'commander';
import { withRunDatabase } from '../../../data/duckdb/run-database.ts';
import { chooseMeasurement } from '../../../pairs/answer.ts';
import { compareHard } from '../../../pairs/compare.ts';
import { openMeasurement } from '../../../pairs/measurement.ts';
import { reportMeasurement } from '../../../pairs/report.ts';
import { openPairs } from '../../../pairs/set.ts';
import { openRun } from '../../../run/run.ts';
import { command, type CommonOptions } from '../../options.ts';
import { printResult } from '../../output.ts';
import { describeComparison, describeReport } from './report-text.ts';

interface ReportOptions extends CommonOptions {
  measurement?: string;
  and?: string;
}

export function pairsReportCommand(): Command {
  return command('report', 'show how difficult the pairs are, and which kinds of pairs are hard')
    .argument('<name>', 'set of pairs in the settings')
    .option('--measurement <name>', 'measurement to show (default: the only one)')
    .option(
      '--and <name>',
      'compare it with a second measurement, such as one by larger models: which pairs are hard for both',
    )
    .action(async (name: string, options: ReportOptions) => {
      const run = await openRun(options.config);
      const set = await openPairs(run, name);
      const first = await chooseMeasurement(set, options.measurement);
      const second = options.and === undefined ? undefined : await openMeasurement(set, options.and);
      const { report, comparison } = await withRunDatabase(run, async (connection) => ({
        report: await reportMeasurement(connection, set, first),
        comparison: second && (await compareHard(connection, set, first, second)),
      }));
      printResult(
        options.json,
        { report, comparison },
        [describeReport(report), ...(comparison === undefined ? [] : [describeComparison(comparison)])].join(
          '\n\n',
        ),
      );
    });
}
