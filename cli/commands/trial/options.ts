// What the commands of a trial share.

import type { Command } from 'commander';
import { runJobs } from '../../../models/trainer.ts';
import { measureJob } from '../../../models/trainer/measure.ts';
import type { Python } from '../../../models/trainer/python.ts';
import type { TrialWorker } from '../../../evaluation/trials/worker.ts';
import { command, type CommonOptions } from '../../options.ts';

export interface TrialOptions extends CommonOptions {
  name: string;
}

/** A command about one trial. */
export function trialOf(name: string, description: string): Command {
  return command(name, description).option('--name <name>', 'name of the trial', 'trial');
}

/** The Python worker, for a plan. */
export function openWorker(python: Python): TrialWorker {
  return {
    // Models are trained side by side, each by one thread of a CPU.
    measure: (folder, steps) => measureJob(python, folder, { steps, threads: 1 }),
    async run(folders, report) {
      let done = 0;
      const ends = await runJobs(folders, {
        python,
        onEnd() {
          done++;
          report({ stage: 'trial: train', done, total: folders.length, unit: 'models' });
        },
      });
      for (const { error } of ends) if (error !== undefined) throw error;
    },
  };
}
