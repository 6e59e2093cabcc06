// `betr trial run`: trains the models of a trial that are not trained yet.

import type { Command } from 'commander';
import { readTrial } from '../../../evaluation/trials/plan-file.ts';
import { findPython } from '../../../models/trainer/python.ts';
import { parseWhole } from '../../../run/amounts.ts';
import { openRun } from '../../../run/run.ts';
import { printResult } from '../../output.ts';
import { listUnfinished, workHere } from '../trainer.ts';
import { type TrialOptions, trialOf } from './options.ts';

interface RunOptions extends TrialOptions {
  atOnce?: number;
  threads?: number;
}

export function runTrialCommand(): Command {
  const whole =
    (option: string) =>
    (text: string): number =>
      parseWhole(option, text, 1, 1024);
  return trialOf(
    'run',
    'train the models of a trial that are not trained yet (for Slurm: betr trainer --slurm)',
  )
    .option('--at-once <count>', 'models to train at a time (default: as betr trainer)', whole('--at-once'))
    .option('--threads <count>', 'CPU threads of each worker', whole('--threads'))
    .action(async (options: RunOptions) => {
      const run = await openRun(options.config);
      const { name, jobs } = await readTrial(run, options.name);
      const { folders, running } = await listUnfinished(
        run.files.training,
        jobs.map((job) => job.name),
      );
      if (folders.length === 0) {
        const text =
          running.length > 0
            ? `The other models of trial "${name}" are being trained. To follow them: betr trial status --name ${name}`
            : `All models of trial "${name}" are trained. To compare them: betr trial report --name ${name}`;
        printResult(options.json, { jobs: [] }, text);
        return;
      }
      await workHere(findPython(run.settings, run.settingsFolder), folders, options);
    });
}
