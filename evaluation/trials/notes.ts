// What to be careful about when reading a trial's report.

import { formatAmount, formatCount, formatCountOf, formatNames, formatShare } from '../../run/amounts.ts';
import type { Run } from '../../run/run.ts';
import { readPublished } from '../../ranking/generation.ts';
import { rankingRun } from '../../scoring/scorers/list.ts';
import { tellingParameters } from './sizes.ts';
import { nameArm, type TrialPlan } from './plan-file.ts';
import type { TrialReport } from './report-file.ts';

export async function listNotes(run: Run, plan: TrialPlan, report: TrialReport): Promise<string[]> {
  const { jobs, parameters, learningRates } = report;
  const repeated = (learningRates[0]?.arms ?? []).filter(({ passes }) => passes > 1);
  const { untested, benchmarks } = plan.evaluation;
  const whole = benchmarks.filter(({ measure }) => measure === 'whole').map(({ benchmark }) => benchmark);
  return [
    ...(jobs.done === jobs.of
      ? []
      : [
          `${formatCount(jobs.of - jobs.done)} of ${formatCountOf(jobs.of, 'job')} have no result; they are ` +
            'listed below.',
        ]),
    ...(plan.seeds.length > 1
      ? []
      : ['There is one seed, so intervals cover the choice of items only, and differences may be chance.']),
    ...(parameters === null || parameters.withoutEmbeddings >= tellingParameters
      ? []
      : [
          `These models have ${formatAmount(parameters.withoutEmbeddings)} parameters beside their embeddings. Below ` +
            `${formatAmount(tellingParameters)}, the order of selections often differs from that of large models ` +
            '(arXiv 2602.12237).',
        ]),
    ...(learningRates.length > 1
      ? []
      : ['There is one learning rate. Another one can change the order of the arms (arXiv 2512.24503).']),
    ...(repeated.length === 0
      ? []
      : [
          `Some cuts are smaller than ${formatAmount(plan.tokens)} tokens, so their documents were repeated: ` +
            `${repeated.map(({ arm, passes }) => `${arm} ${passes.toFixed(1)} times`).join(', ')}.`,
        ]),
    ...(await listChanged(run, plan)),
    ...(untested.length === 0
      ? []
      : [`Without tests in the settings, and so not measured: ${formatNames(untested)}.`]),
    ...(whole.length === 0
      ? []
      : [`Measured by whole items, because the answers cannot be told apart: ${formatNames(whole)}.`]),
  ];
}

/** The arms whose ranking is another one now than when the trial was planned. */
async function listChanged(run: Run, { arms }: TrialPlan): Promise<string[]> {
  const changed: string[] = [];
  for (const arm of arms) {
    if (arm.kind !== 'ranking') continue;
    const published = await readPublished(rankingRun(run, arm.scorer));
    if (published?.generation !== arm.generation) changed.push(`${nameArm(arm)} at ${formatShare(arm.keep)}`);
  }
  return changed.length === 0
    ? []
    : [
        'Ranked again since the trial was planned, so the results are about an earlier ranking: ' +
          `${formatNames(changed)}.`,
      ];
}
