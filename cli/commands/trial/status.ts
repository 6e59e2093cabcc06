// `betr trial status`: how far the models of a trial are.

import { join } from 'node:path';
import type { Command } from 'commander';
import { nameArm, readTrial, type TrialPlan } from '../../../evaluation/trials/plan-file.ts';
import { readJobState, type TrainingState } from '../../../models/trainer/state.ts';
import { formatCount, formatCountOf, formatShare } from '../../../run/amounts.ts';
import { openRun } from '../../../run/run.ts';
import { formatDuration, formatTable, printResult } from '../../output.ts';
import { type TrialOptions, trialOf } from './options.ts';

export function trialStatusCommand(): Command {
  return trialOf('status', 'show how far the models of a trial are').action(async (options: TrialOptions) => {
    const run = await openRun(options.config);
    const plan = await readTrial(run, options.name);
    const jobs = await Promise.all(
      plan.jobs.map(async (job) => ({
        ...job,
        state: await readJobState(join(run.files.training, job.name)),
      })),
    );
    printResult(options.json, { trial: plan.name, jobs }, describeStatus(plan, jobs));
  });
}

type Job = TrialPlan['jobs'][number] & { state: TrainingState | undefined };

function describeStatus({ name, arms, estimate }: TrialPlan, jobs: readonly Job[]): string {
  const count = (own: readonly Job[], ...states: string[]): number =>
    own.filter(({ state }) => states.includes(state?.state ?? 'missing')).length;
  const done = count(jobs, 'done');
  const left = (estimate.seconds * (jobs.length - done)) / jobs.length;
  return [
    `Trial "${name}": ${formatCount(done)} of ${formatCountOf(jobs.length, 'model')} are trained` +
      `${done === jobs.length ? '' : `; about ${formatDuration(left)} of one worker are left`}.`,
    formatTable([
      ['arm', 'kept', 'done', 'running', 'waiting', 'stopped', 'failed'],
      ...arms.map((arm) => {
        const own = jobs.filter((job) => job.arm === arm.id);
        return [
          nameArm(arm),
          formatShare(arm.keep),
          ...[['done'], ['running'], ['waiting'], ['stopped'], ['failed', 'invalid', 'missing']].map(
            (states) => formatCount(count(own, ...states)),
          ),
        ];
      }),
    ]),
    ...jobs.flatMap(({ name: job, state }) =>
      state === undefined
        ? [`${job}: its folder is missing`]
        : state.problem === null
          ? []
          : [`${job}: ${state.problem}`],
    ),
  ].join('\n');
}
