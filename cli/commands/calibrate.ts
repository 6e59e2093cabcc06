// `betr calibrate`: fits a keep-rate law to the user's own small runs, for use as --pool NAME.

import { basename, extname } from 'node:path';
import type { Command } from 'commander';
import { fail, readError } from '../../run/errors/errors.ts';
import { readOnce } from '../../run/regular-file.ts';
import { openRun } from '../../run/run.ts';
import { formatFlops, formatShare } from '../../run/amounts.ts';
import { calibrate, type Calibration, calibrationName } from '../../ranking/budget/calibrations.ts';
import { parseTrials } from '../../ranking/budget/trial-table.ts';
import { command, type CommonOptions } from '../options.ts';
import { formatTable, printResult } from '../output.ts';

interface CalibrateOptions extends CommonOptions {
  name?: string;
}

export function calibrateCommand(): Command {
  return command(
    'calibrate',
    'fit a keep-rate law to your own small runs (at least 3 rates at each of 3 budgets); use it with --pool NAME',
  )
    .argument('<file>', 'CSV with the columns flops, keep, and loss or accuracy; or JSON')
    .option('--name <name>', 'name of the law (default: the name in the file)')
    .action(async (file: string, options: CalibrateOptions) => {
      const run = await openRun(options.config);
      const name = options.name ?? basename(file, extname(file));
      const checked = calibrationName.safeParse(name);
      if (!checked.success)
        throw fail('OPTION_INVALID', {
          option: '--name',
          got: name,
          allowed: checked.error.issues[0]?.message ?? '',
        });
      const calibration = await calibrate(run, name, parseTrials(await readText(file)));
      printResult(options.json, calibration, describeCalibration(calibration));
    });
}

const mostBytes = 1 << 28;

async function readText(path: string): Promise<string> {
  try {
    return await readOnce(path, mostBytes);
  } catch (error) {
    throw readError(error, path, 'The file', { relativeTo: 'the current folder' });
  }
}

function describeCalibration({ name, formula, fit }: Calibration): string {
  const { coefficient, exponent } = fit.intervals;
  const difference = (ratio: number): string => `${ratio >= 0 ? '+' : ''}${formatShare(Math.expm1(ratio))}`;
  return [
    `${name}: ${formula}`,
    `  coefficient ${fit.coefficient.toPrecision(3)} (95%: ${coefficient.low.toPrecision(3)} ` +
      `to ${coefficient.high.toPrecision(3)}), exponent ${fit.exponent.toPrecision(3)} ` +
      `(${exponent.low.toPrecision(3)} to ${exponent.high.toPrecision(3)})`,
    '',
    formatTable([
      ['budget', 'best', 'by the law', 'off by'],
      ...fit.budgets.map(({ flops, best, byLaw, residual }) => [
        formatFlops(flops),
        formatShare(best),
        formatShare(byLaw),
        difference(residual),
      ]),
    ]),
    ...fit.unused.map(({ flops, reason }) => `Left out: ${formatFlops(flops)} FLOPs: ${reason}`),
    ...fit.notes,
    '',
    `Use it with --pool ${name}`,
  ].join('\n');
}
