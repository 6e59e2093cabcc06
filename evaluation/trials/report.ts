// Reports a trial: every arm with intervals over seeds and items, compared with no filter and with random cuts of the
// same size. See docs/method.md, "Trials".

import { fail } from '../../run/errors/errors.ts';
import { formatShare } from '../../run/amounts.ts';
import type { Report } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import { reportAtRate } from './at-rate.ts';
import { compareCheapMeasures } from './measured-arms.ts';
import { listNotes } from './notes.ts';
import { findFlips } from './order-flips.ts';
import { type PlannedArm, readTrial, randomArm, type TrialPlan } from './plan-file.ts';
import type { ReportAtRate, TrialReport } from './report-file.ts';
import { readResults, type RunResult } from './results.ts';

/** Runs of an arm at one learning rate. Random draws of the same size are one arm. */
export interface ArmGroup {
  arm: string;
  kind: PlannedArm['kind'];
  keep: number;
  results: RunResult[];
}

/** Errors: TRIAL_UNKNOWN, TRIAL_VERSION, TRIAL_NO_RESULTS; FILE_DAMAGED for the plan. */
export async function reportTrial(run: Run, name: string, report: Report): Promise<TrialReport> {
  const plan = await readTrial(run, name);
  const { results, problems } = await readResults(run, plan, report);
  const [first] = results;
  if (first === undefined)
    throw fail('TRIAL_NO_RESULTS', {
      name,
      jobs: plan.jobs.length,
      problems: problems.slice(0, 5).map(({ job, problem }) => `${job}: ${problem}`),
    });
  const byRate = plan.learningRates.map((learningRate, index) => ({
    learningRate,
    results: results.filter(({ job }) => job.learningRate === index),
  }));
  const learningRates = byRate
    .filter((rate) => rate.results.length > 0)
    .map((rate) => reportAtRate(plan, rate.learningRate, groupArms(plan, rate.results)));
  const { parameters, parametersWithoutEmbeddings } = first.card;
  const made: TrialReport = {
    version: 1,
    kind: 'betr trial report',
    trial: name,
    model: plan.model,
    tokenizer: plan.tokenizer,
    parameters:
      parameters === null || parametersWithoutEmbeddings === null
        ? null
        : { all: parameters, withoutEmbeddings: parametersWithoutEmbeddings },
    tokens: plan.tokens,
    seeds: plan.seeds,
    jobs: { done: results.length, of: plan.jobs.length },
    seconds: results.reduce((sum, { card }) => sum + card.seconds, 0),
    flops: results.reduce((sum, { card }) => sum + (card.flops ?? 0), 0),
    devices: [...new Set(results.map(({ card }) => card.device))].sort(),
    learningRates,
    flips: compareRates(learningRates),
    cheapMeasures: await compareCheapMeasures(run, plan, byRate[0]?.results ?? []),
    problems,
    notes: [],
  };
  return { ...made, notes: await listNotes(run, plan, made) };
}

/** The arms in the order of the plan, with the runs that finished. */
export function groupArms(plan: TrialPlan, results: readonly RunResult[]): ArmGroup[] {
  const groups = new Map<string, ArmGroup>();
  for (const arm of plan.arms) {
    const name = nameGroup(arm);
    const group = groups.get(name) ?? { arm: name, kind: arm.kind, keep: arm.keep, results: [] };
    groups.set(name, group);
    group.results.push(...results.filter(({ job }) => job.arm === arm.id));
  }
  return [...groups.values()].filter((group) => group.results.length > 0);
}

function nameGroup({ kind, scorer, keep }: PlannedArm): string {
  return kind === 'no filter' ? kind : `${kind === 'random' ? randomArm : scorer} at ${formatShare(keep)}`;
}

function compareRates([first, second]: readonly ReportAtRate[]): TrialReport['flips'] {
  const [ofFirst, ofSecond] = [first?.noise ?? undefined, second?.noise ?? undefined];
  if (first === undefined || second === undefined || ofFirst === undefined || ofSecond === undefined)
    return null;
  const side = ({ arms }: ReportAtRate, noise: typeof ofFirst): Parameters<typeof findFlips>[0] => ({
    noise,
    arms: arms.flatMap(({ arm, answers, runs }) =>
      answers === null ? [] : [{ arm, loss: answers.value, seeds: runs }],
    ),
  });
  return findFlips(side(first, ofFirst), side(second, ofSecond));
}
