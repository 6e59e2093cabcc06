// `betr trial eval`: runs lm-evaluation-harness on the models of a trial.

import { join } from 'node:path';
import type { Command } from 'commander';
import { commitJson } from '../../../data/files/commit.ts';
import {
  type Agreement,
  compareWithOurs,
  harnessFolder,
  ownTask,
  writeOwnTasks,
} from '../../../evaluation/trials/harness.ts';
import { readTrial } from '../../../evaluation/trials/plan-file.ts';
import { type HarnessAnswer, runHarness } from '../../../models/trainer/harness.ts';
import { checkPython, findPython, harnessPackage } from '../../../models/trainer/python.ts';
import { readJobState } from '../../../models/trainer/state.ts';
import { formatCount, parseWhole } from '../../../run/amounts.ts';
import { fail } from '../../../run/errors/errors.ts';
import { openRun } from '../../../run/run.ts';
import { formatTable, openProgress, printResult } from '../../output.ts';
import { type TrialOptions, trialOf } from './options.ts';

interface EvalOptions extends TrialOptions {
  lmEval: string;
  limit?: number;
  batch: number;
}

type Evaluated = HarnessAnswer['tasks'][number] & { job: string; agreement: Agreement | null };

const ownTasks = 'own';

export function evalCommand(): Command {
  const whole =
    (option: string) =>
    (text: string): number =>
      parseWhole(option, text, 1, 1_000_000);
  return trialOf('eval', 'run lm-evaluation-harness on the trained models of a trial')
    .option(
      '--lm-eval <tasks>',
      `tasks of the harness, separated by commas; ${ownTasks}: the trial's own benchmarks with choices, ` +
        'compared with what betr measured',
      ownTasks,
    )
    .option('--limit <count>', 'most items of each task (default: all)', whole('--limit'))
    .option('--batch <count>', 'items that go through a model at once', whole('--batch'), 16)
    .action(async (options: EvalOptions) => {
      const run = await openRun(options.config);
      const plan = await readTrial(run, options.name);
      const python = findPython(run.settings, run.settingsFolder);
      await checkPython(python, [harnessPackage]);
      const models: { job: string; folder: string }[] = [];
      for (const { name } of plan.jobs) {
        const folder = join(run.files.training, name);
        if ((await readJobState(folder))?.state === 'done')
          models.push({ job: name, folder: join(folder, 'checkpoint') });
      }
      if (models.length === 0)
        throw fail('TRIAL_NO_RESULTS', { name: plan.name, jobs: plan.jobs.length, problems: [] });
      const own = await writeOwnTasks(run, plan);
      const asked = options.lmEval.split(',').map((task) => task.trim());
      const tasks = [...new Set(asked.flatMap((task) => (task === ownTasks ? own : task)))].filter(
        (task) => task !== '',
      );
      if (tasks.length === 0)
        throw fail('OPTION_INVALID', {
          option: '--lm-eval',
          got: options.lmEval.slice(0, 100),
          allowed: 'tasks of the harness; this trial has no benchmark with choices',
        });
      const progress = openProgress();
      const found: Evaluated[] = [];
      const request = {
        models,
        tasks,
        include: harnessFolder(run, plan.name),
        limit: options.limit ?? null,
        batch: options.batch,
      };
      try {
        let done = 0;
        for await (const { job, tasks: answered } of runHarness(python, request)) {
          for (const task of answered) {
            const benchmark = plan.evaluation.benchmarks.find((one) => ownTask(one.benchmark) === task.task);
            found.push({
              job,
              ...task,
              agreement:
                benchmark === undefined ? null : await compareWithOurs(run, job, benchmark.benchmark, task),
            });
          }
          done++;
          progress.report({ stage: 'trial: harness', done, total: models.length, unit: 'models' });
        }
      } finally {
        progress.end();
      }
      const path = join(harnessFolder(run, plan.name), 'results.json');
      await commitJson(path, { trial: plan.name, results: found });
      printResult(
        options.json,
        { trial: plan.name, results: found.map(({ items, ...one }) => ({ ...one, items: items.length })) },
        `${describe(found)}\n\nEvery item: ${path}`,
      );
    });
}

function describe(found: readonly Evaluated[]): string {
  const metrics = [...new Set(found.flatMap((one) => Object.keys(one.metrics)))];
  return formatTable([
    ['model', 'task', 'items', ...metrics, 'as betr: acc', 'acc_norm'],
    ...found.map(({ job, task, items, metrics: values, agreement }) => [
      job,
      task,
      formatCount(items.length),
      ...metrics.map((metric) => values[metric]?.toFixed(4) ?? ''),
      ...(agreement === null
        ? ['', '']
        : [agreement.acc, agreement.accNorm].map(
            (count) => `${formatCount(count)} of ${formatCount(agreement.items)}`,
          )),
    ]),
  ]);
}
