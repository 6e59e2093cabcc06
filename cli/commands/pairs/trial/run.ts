// `betr pairs trial run`: trains the models of a trial, lets them read benchmark items and answer prompts, and asks the
// judge. What is done already is not done again.

import { join } from 'node:path';
import type { Command } from 'commander';
import { withLock } from '../../../../data/files/lock.ts';
import { judgeAnswers } from '../../../../evaluation/pair-trials/judge.ts';
import { readPairTrial } from '../../../../evaluation/pair-trials/plan-file.ts';
import { readPairResults } from '../../../../evaluation/pair-trials/results.ts';
import { findPython } from '../../../../models/trainer/python.ts';
import { readJobState } from '../../../../models/trainer/state.ts';
import { openPairs } from '../../../../pairs/set.ts';
import { formatCountOf, parseWhole } from '../../../../run/amounts.ts';
import { openRun, type Run } from '../../../../run/run.ts';
import { openProgress, printResult } from '../../../output.ts';
import { runHere } from '../../trainer.ts';
import { type NamedTrial, pairTrialOf } from './options.ts';

interface RunOptions extends NamedTrial {
  atOnce?: number;
  threads?: number;
}

export function runPairTrialCommand(): Command {
  const whole =
    (option: string) =>
    (text: string): number =>
      parseWhole(option, text, 1, 1024);
  return pairTrialOf('run', 'train and measure the models of a trial that are not done yet')
    .option('--at-once <count>', 'models to train at a time (default: as betr trainer)', whole('--at-once'))
    .option('--threads <count>', 'CPU threads of each worker', whole('--threads'))
    .action(async (name: string, options: RunOptions) => {
      const run = await openRun(options.config);
      const set = await openPairs(run, name);
      const plan = await readPairTrial(set, options.name);
      const python = findPython(run.settings, run.settingsFolder);
      // Models are measured when all are trained: a job that reads a model needs it from its start.
      const trained = plan.models.map(({ train }) => train);
      const measured = [plan.untuned, ...plan.models].flatMap(({ items, answers }) => [items, answers]);
      let ran = 0;
      for (const jobs of [trained, measured]) {
        const folders = await listUndone(run, jobs);
        if (folders.length === 0) continue;
        const { exitCode } = await runHere(python, folders, options);
        if (exitCode !== 0) {
          process.exitCode = exitCode;
          return;
        }
        ran += folders.length;
      }
      if (plan.judge !== null) {
        const progress = openProgress();
        await withLock(
          run,
          async () => {
            const results = await readPairResults(run, set, plan, progress.report);
            await judgeAnswers(run, set, plan, results, progress.report);
          },
          progress.report,
        ).finally(progress.end);
      }
      printResult(
        options.json,
        { trial: plan.name, jobs: ran },
        `Trial "${plan.name}" is done; ${formatCountOf(ran, 'job')} ran now. To compare the models: ` +
          `betr pairs trial report ${name} --name ${plan.name}`,
      );
    });
}

async function listUndone(run: Run, jobs: readonly ({ name: string } | null)[]): Promise<string[]> {
  const folders: string[] = [];
  for (const job of jobs) {
    if (job === null) continue;
    const folder = join(run.files.training, job.name);
    if ((await readJobState(folder))?.state !== 'done') folders.push(folder);
  }
  return folders;
}
