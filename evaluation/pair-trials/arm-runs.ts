// The models of a report, grouped by arm, and how their values are compared.

import type { Interval } from '../../data/statistics.ts';
import {
  type ArmEstimate,
  type ArmRuns,
  estimateArms,
  estimateGains,
  type ResampledRuns,
} from '../trials/resample.ts';
import type { Gain } from '../trials/report-file.ts';
import { seed } from '../trials/set-values.ts';
import { allArm, type PairArm, type PairModel, type PairTrialPlan } from './plan-file.ts';
import type { ModelResult } from './results.ts';

/** The models of one arm at one budget; random cuts of several seeds are one arm. */
export interface ArmGroup {
  kind: PairArm['kind'];
  keep: number;
  budget: PairModel['budget'];
  arms: PairArm[];
  /** By seed, places in the list of models. */
  runs: ArmRuns;
}

type Growing = ArmGroup & { runs: Map<number, number[]> };

/** The arms with a finished model, in the order of the plan. */
export function groupArms({ arms }: PairTrialPlan, models: readonly ModelResult[]): ArmGroup[] {
  const groups = new Map<string, Growing>();
  const byId = new Map(arms.map((arm) => [arm.id, arm]));
  for (const [at, { model }] of models.entries()) {
    const arm = byId.get(model.arm);
    if (arm === undefined) continue;
    const { kind, keep } = arm;
    const key = `${kind} ${keep} ${model.budget}`;
    const group: Growing = groups.get(key) ?? {
      ...{ kind, keep, budget: model.budget },
      arms: [],
      runs: new Map<number, number[]>(),
    };
    group.runs.set(model.seed, [...(group.runs.get(model.seed) ?? []), at]);
    if (!group.arms.includes(arm)) group.arms.push(arm);
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** What a measure says of every arm, in the order of the groups. */
export interface Compared {
  values: ArmEstimate[];
  overAll: (Gain | null)[];
  overRandom: (Gain | null)[];
}

/** The arms that others are compared with. */
export type Baseline = 'all' | 'random';

/** Estimates the arms, and compares them with all pairs, and with the random cut of the same size and budget. */
export function compareArms(
  groups: readonly ArmGroup[],
  runs: ResampledRuns,
  better: 'higher' | 'lower',
  baselines: readonly Baseline[] = [],
): Compared {
  const own = groups.map((group) => group.runs);
  const signed = better === 'lower' ? runs : mapRuns(runs, (value) => -value);
  const over = (baseline: Baseline): (Gain | null)[] => {
    const found = groups.map((): Gain | null => null);
    if (!baselines.includes(baseline)) return found;
    for (const base of groups.filter(({ kind }) => kind === baseline)) {
      const gains = estimateGains(signed, own, base.runs, seed);
      for (const [at, group] of groups.entries()) {
        const gain = gains[at];
        const isComparable =
          group !== base &&
          (baseline === allArm || (base.keep === group.keep && base.budget === group.budget));
        if (isComparable && gain !== undefined) found[at] = toGain(gain);
      }
    }
    return found;
  };
  return { values: estimateArms(runs, own, seed), overAll: over('all'), overRandom: over('random') };
}

/** How much lower each arm is than one run that all are compared with, such as the untuned student's. */
export function compareWithRun(
  groups: readonly ArmGroup[],
  runs: ResampledRuns,
  run: number,
): (Gain | null)[] {
  const differences = ({ plain, samples }: ResampledRuns): ResampledRuns => {
    const less = (values: Float64Array): Float64Array => values.map((value) => (values[run] ?? 0) - value);
    return { plain: less(plain), samples: samples.map(less) };
  };
  return estimateArms(
    differences(runs),
    groups.map((group) => group.runs),
    seed,
  ).map(toGain);
}

function mapRuns({ plain, samples }: ResampledRuns, change: (value: number) => number): ResampledRuns {
  return { plain: plain.map(change), samples: samples.map((sample) => sample.map(change)) };
}

/** Above 0 is better. Null without a seed in common. */
function toGain(gain: ArmEstimate): Gain | null {
  const { low, high, seeds } = gain;
  if (seeds === 0) return null;
  return {
    ...intervalOf(gain),
    seeds,
    verdict: low > 0 ? 'better' : high < 0 ? 'worse' : 'no difference seen',
  };
}

export function intervalOf({ value, low, high }: Interval): Interval {
  return { value, low, high };
}
