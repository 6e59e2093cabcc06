// The cheap measures of each arm that exist beside a trial: the fidelity of its classifier, and what `betr evaluate`
// found for the same scorer at the same share.

import { join } from 'node:path';
import { readCard } from '../../classifier/classifier-card.ts';
import { keepRates } from '../../classifier/metrics.ts';
import { readJson } from '../../data/files/commit.ts';
import { BetrError } from '../../run/errors/errors.ts';
import { formatCountOf, formatNames, formatShare } from '../../run/amounts.ts';
import type { Run } from '../../run/run.ts';
import { rankingRun } from '../../scoring/scorers/list.ts';
import { noFilter } from '../contest.ts';
import { randomScorer } from '../evaluate.ts';
import { type Evaluation, evaluationSchema } from '../evaluation.ts';
import { evaluationFile } from '../report.ts';
import { compareOrders, fewestArms } from './cheap-measures.ts';
import { mean, poolNoise } from './noise.ts';
import { nameArm, type PlannedArm, type TrialPlan } from './plan-file.ts';
import type { TrialReport } from './report-file.ts';
import type { RunResult } from './results.ts';

type CheapMeasure = TrialReport['cheapMeasures'][number];

/** Higher is better; undefined where the arm has none. */
type Measures = Record<'fidelity' | 'n-gram gain' | 'target match', number | undefined>;

/** How many of the pairs of arms each measure orders as the trained models do. Errors: FILE_DAMAGED. */
export async function compareCheapMeasures(
  run: Run,
  plan: TrialPlan,
  results: readonly RunResult[],
): Promise<CheapMeasure[]> {
  const losses = new Map(
    plan.arms.map(({ id }) => [
      id,
      results.filter(({ job }) => job.arm === id).map((result) => lossOf(plan, result)),
    ]),
  );
  const noise = poolNoise([...losses.values()]);
  const evaluation = await readJson(
    join(run.files.evaluation, evaluationFile),
    evaluationSchema,
    'betr evaluate',
  );
  const measured = await Promise.all(
    plan.arms.map(async (arm) => ({
      loss: mean(losses.get(arm.id) ?? []),
      seeds: losses.get(arm.id)?.length ?? 0,
      measures: await measureArm(run, arm, evaluation),
    })),
  );
  return (['fidelity', 'n-gram gain', 'target match'] as const).map((measure): CheapMeasure => {
    const arms = measured.flatMap(({ loss, seeds, measures }) => {
      const value = measures[measure];
      return value === undefined || seeds === 0 ? [] : [{ loss, seeds, measure: value }];
    });
    const none = (reason: string): CheapMeasure => ({
      measure,
      arms: arms.length,
      pairs: 0,
      share: null,
      reason,
    });
    if (arms.length < fewestArms)
      return none(
        `too few: ${formatCountOf(arms.length, 'arm')} with it, of at least ${fewestArms} needed` +
          (measure === 'fidelity' ? describeShares(plan) : adviceFor(plan, measured.length)),
      );
    if (noise === undefined) return none('no arm has two seeds, so the noise is unknown');
    const { pairs, share } = compareOrders(arms, noise, 1);
    return share === undefined
      ? none('no two arms differ by more than the noise of seeds')
      : { measure, arms: arms.length, pairs, share, reason: null };
  });
}

/** The shares at which a classifier measures its fidelity; '' if these are all that the trial has. */
function describeShares({ arms }: TrialPlan): string {
  return arms.every(({ kind, keep }) => kind !== 'ranking' || keepRates.some((rate) => rate === keep))
    ? ''
    : `; classifiers measure it at ${formatNames(keepRates.map((keep) => formatShare(keep)))} kept only`;
}

/** The evaluation that would give more arms the measure; '' if even all arms are too few. */
function adviceFor({ arms }: TrialPlan, all: number): string {
  if (all < fewestArms) return '';
  const scorers = [...new Set(arms.flatMap(({ kind, scorer }) => (kind === 'ranking' ? [scorer] : [])))];
  const keeps = [...new Set(arms.flatMap(({ kind, keep }) => (kind === 'no filter' ? [] : [keep])))];
  return ` (betr evaluate --in-sample --scorers ${[...scorers, randomScorer].join(',')} --keep ${keeps.join(',')})`;
}

/** The mean of bits per byte of the answers over the benchmarks, at the end. */
export function lossOf(plan: TrialPlan, { readings }: RunResult, at = -1): number {
  const sets = readings.at(at)?.sets ?? [];
  return mean(
    plan.evaluation.benchmarks.flatMap(({ benchmark, measure }) =>
      sets
        .filter((own) => own.set === benchmark && own.measure === measure)
        .map(({ bits, bytes }) => sum(bits) / Math.max(1, sum(bytes))),
    ),
  );
}

function sum(values: Float64Array): number {
  return values.reduce((all, value) => all + value, 0);
}

async function measureArm(run: Run, arm: PlannedArm, evaluation: Evaluation | undefined): Promise<Measures> {
  const scorer = arm.kind === 'ranking' ? arm.scorer : arm.kind === 'random' ? randomScorer : noFilter;
  const found = evaluation?.selections.find((own) => own.scorer === scorer && own.keep === arm.keep)
    ?.targetMatch.mean;
  return {
    fidelity: arm.kind === 'ranking' ? await readFidelity(run, arm) : undefined,
    'n-gram gain': found?.gain.value,
    'target match': found === undefined ? undefined : -found.bitsPerByte.value,
  };
}

/** The precision of the arm's classifier at the arm's share. */
async function readFidelity(run: Run, arm: PlannedArm): Promise<number | undefined> {
  try {
    const { outputs } = await readCard(rankingRun(run, nameArm(arm)));
    return outputs[0]?.heldOut.kept.find(({ keep }) => keep === arm.keep)?.precision.value;
  } catch (error) {
    if (error instanceof BetrError && error.code === 'STEP_MISSING') return undefined;
    throw error;
  }
}
