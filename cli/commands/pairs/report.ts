// `betr pairs report`: what is hard in a set of pairs, and what two measurements say of the same pairs.

import type { Command } from 'commander';
import { withDuckDb } from '../../../data/duckdb/duckdb.ts';
import { compareHard } from '../../../pairs/compare.ts';
import { listMeasurements, openMeasurement } from '../../../pairs/measurement.ts';
import { reportMeasurement } from '../../../pairs/report.ts';
import { openPairs, type PairSet } from '../../../pairs/set.ts';
import { withSpill } from '../../../ranking/scores.ts';
import { fail } from '../../../run/errors/errors.ts';
import { openRun } from '../../../run/run.ts';
import { command, type CommonOptions } from '../../options.ts';
import { printResult } from '../../output.ts';
import { describeComparison, describeReport } from './report-text.ts';

interface ReportOptions extends CommonOptions {
  measurement?: string;
  and?: string;
}

const memoryMb = 2048;

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
      const first = await openMeasurement(set, options.measurement ?? (await onlyMeasurement(set)));
      const second = options.and === undefined ? undefined : await openMeasurement(set, options.and);
      const { report, comparison } = await withSpill(run, (spill) =>
        withDuckDb({ memoryMb, spill }, async (connection) => ({
          report: await reportMeasurement(connection, set, first),
          comparison: second && (await compareHard(connection, set, first, second)),
        })),
      );
      printResult(
        options.json,
        { report, comparison },
        [describeReport(report), ...(comparison === undefined ? [] : [describeComparison(comparison)])].join(
          '\n\n',
        ),
      );
    });
}

/** Errors: MEASUREMENT_UNKNOWN, OPTION_INVALID if there are several. */
async function onlyMeasurement(set: PairSet): Promise<string> {
  const known = await listMeasurements(set);
  if (known.length > 1)
    throw fail('OPTION_INVALID', { option: '--measurement', got: '', allowed: `one of ${known.join(', ')}` });
  return known[0] ?? '';
}
