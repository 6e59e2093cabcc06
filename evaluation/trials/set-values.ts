// The values of every arm on each set of items: bits of the right answers, and the share of right answers next to
// chance.

import { type Interval, percentileBounds } from '../../data/statistics.ts';
import type { Bits } from '../bits.ts';
import type { TrialPlan } from './plan-file.ts';
import { mean } from './noise.ts';
import { type ArmRuns, resampleItems, type ResampledRuns } from './resample.ts';
import type { Measure, MeasuredSet, RunResult } from './results.ts';

/** Seed of all resamples, so that the same results give the same report. */
export const seed = 1;

export function valuesOf({ plain }: ResampledRuns, arms: readonly ArmRuns[]): number[][] {
  return arms.map((runs) => [...runs.values()].map((own) => mean(own.map((run) => plain[run] ?? 0))));
}

export interface SetValues {
  set: string;
  items: number;
  values: ResampledRuns;
}

/** Which measure stands for the answers of a benchmark; undefined for other sets. */
export function answerMeasure(plan: TrialPlan): (set: MeasuredSet) => boolean {
  const wanted = new Map(plan.evaluation.benchmarks.map(({ benchmark, measure }) => [benchmark, measure]));
  return ({ set, measure }) => wanted.get(set) === measure;
}

export const isMeasure =
  (wanted: Measure) =>
  ({ measure }: MeasuredSet): boolean =>
    measure === wanted;

/** All runs on each of the sets. */
export function measureSets(
  results: readonly RunResult[],
  reading: number,
  isWanted: (set: MeasuredSet) => boolean,
): SetValues[] {
  const perRun = results.map(({ readings }) => readings[reading]?.sets.filter(isWanted) ?? []);
  const values = resampleItems(perRun, seed);
  return (perRun[0] ?? []).flatMap(({ set, bits }, index) => {
    const own = values[index];
    return own === undefined ? [] : [{ set, items: bits.length, values: own }];
  });
}

/** The share of right choices; undefined for sets without choices. */
export function measureCorrect(
  results: readonly RunResult[],
  reading: number,
  benchmark: string,
  which: 'correct' | 'correctByCharacter',
): ResampledRuns | undefined {
  const perRun = results.map(({ readings }): Bits[] => {
    const own = readings[reading]?.sets.find(({ set, measure }) => set === benchmark && measure === 'answer');
    const correct = own?.[which];
    return correct === undefined ? [] : [{ bits: correct, bytes: new Float64Array(correct.length).fill(1) }];
  });
  return perRun.some((sets) => sets.length === 0) ? undefined : resampleItems(perRun, seed)[0];
}

/** Over all runs together: whether models of this size do the task at all. */
export function compareWithChance(
  { plain, samples }: ResampledRuns,
  chance: number,
): { all: Interval; isAboveChance: boolean } {
  const value = mean([...plain]);
  const bounds = percentileBounds(
    samples.map((sample) => mean([...sample])),
    value,
  );
  return { all: { value, ...bounds }, isAboveChance: bounds.low > chance };
}
