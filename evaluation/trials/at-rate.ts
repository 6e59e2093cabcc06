// The results of a trial at one learning rate.

import type { Interval } from '../../data/statistics.ts';
import { boundMultiplier, type CurvePoint, findMultiplier } from './multiplier.ts';
import { poolNoise, signalToNoise, smallestDifference } from './noise.ts';
import type { TrialPlan } from './plan-file.ts';
import type { ArmGroup } from './report.ts';
import type { Gain, ReportAtRate, ReportedArm } from './report-file.ts';
import {
  type ArmEstimate,
  type ArmRuns,
  estimateArms,
  estimateGains,
  meanOverSets,
  type ResampledRuns,
} from './resample.ts';
import type { RunResult } from './results.ts';
import {
  valuesOf,
  type SetValues,
  answerMeasure,
  isMeasure,
  measureSets,
  measureCorrect,
  compareWithChance,
  seed,
} from './set-values.ts';

/** Reports all arms. Not empty. */
export function reportAtRate(
  plan: TrialPlan,
  learningRate: number,
  groups: readonly ArmGroup[],
): ReportAtRate {
  const results = groups.flatMap((group) => group.results);
  const arms = groups.map((group) => runsOf(group, results));
  const all: AllArms = { groups, arms, results };
  const last = (results[0]?.readings.length ?? 0) - 1;
  const single = listSingleArms(plan, results);
  const answers = measureSets(results, last, answerMeasure(plan));
  const noise = poolNoise(valuesOf(meanOverSets(answers.map(({ values }) => values)), single));
  const fewest = Math.min(...single.map((runs) => runs.size));
  return {
    learningRate,
    arms: listArms(plan, all, last),
    noise: noise ?? null,
    smallest:
      (noise === undefined ? undefined : smallestDifference(noise, { arms: groups.length, seeds: fewest })) ??
      null,
    benchmarks: plan.evaluation.benchmarks.map(({ benchmark, measure, chance }) => {
      const own = answers.find(({ set }) => set === benchmark);
      const correct = measureCorrect(results, last, benchmark, 'correct');
      return {
        benchmark,
        items: own?.items ?? 0,
        measure,
        signalToNoise: (own === undefined ? undefined : signalToNoise(valuesOf(own.values, single))) ?? null,
        accuracy:
          correct === undefined || chance === null ? null : { chance, ...compareWithChance(correct, chance) },
      };
    }),
  };
}

/** All runs, and which of them each arm has. */
interface AllArms {
  groups: readonly ArmGroup[];
  arms: readonly ArmRuns[];
  results: readonly RunResult[];
}

function runsOf({ results: own }: ArmGroup, results: readonly RunResult[]): ArmRuns {
  const runs = new Map<number, number[]>();
  for (const result of own) {
    const { seed: of } = result.job;
    runs.set(of, [...(runs.get(of) ?? []), results.indexOf(result)]);
  }
  return runs;
}

/** The arms of the plan one by one: random draws of the same size differ in their documents, not only in their seed. */
function listSingleArms({ arms }: TrialPlan, results: readonly RunResult[]): ArmRuns[] {
  return arms
    .map(
      ({ id }): ArmRuns =>
        new Map(results.flatMap(({ job }, run) => (job.arm === id ? [[job.seed, [run]]] : []))),
    )
    .filter(({ size }) => size > 0);
}

function listArms(plan: TrialPlan, all: AllArms, last: number): ReportedArm[] {
  const { groups, arms, results } = all;
  const isAnswer = answerMeasure(plan);
  const readings = results[0]?.readings.map(({ tokens }) => tokens) ?? [];
  const curves = readings.map((_, reading) =>
    estimateArms(
      meanOverSets(measureSets(results, reading, isAnswer).map(({ values }) => values)),
      arms,
      seed,
    ),
  );
  const answers = measureSets(results, last, isAnswer);
  const whole = measureSets(results, last, isMeasure('whole'));
  const texts = measureSets(results, last, isMeasure('text'));
  const answersMean = summarize(answers, all);
  const [wholeMean, textsMean] = [summarize(whole, all), summarize(texts, all)];
  const bySet = (sets: readonly SetValues[]) =>
    sets.map(({ set, values }) => ({
      set,
      bits: estimateArms(values, arms, seed),
      gains: overNoFilter(values, all),
    }));
  const [benchmarks, sources] = [bySet(answers), bySet(texts)];
  const correct = answers.map(({ set }) => ({
    plain: estimateCorrect(all, last, set, 'correct'),
    byCharacter: estimateCorrect(all, last, set, 'correctByCharacter'),
  }));
  const flopsOf = computeOf(results);
  const points = groups.map((_, arm) =>
    readings.map((tokens, reading) => ({ tokens, flops: flopsOf(tokens), estimate: curves[reading]?.[arm] })),
  );
  const base = groups.findIndex(({ kind }) => kind === 'no filter');
  return groups.map(({ arm, kind, keep, results: own }, index) => ({
    arm,
    kind,
    keep,
    runs: own.length,
    seeds: arms[index]?.size ?? 0,
    passes: Math.max(...own.map(({ card }) => card.passes ?? 0)),
    answers: withItems(answersMean.arms[index], answers),
    whole: withItems(wholeMean.arms[index], whole),
    texts: withItems(textsMean.arms[index], texts),
    overNoFilter: answersMean.gains[index] ?? null,
    overRandom: kind === 'ranking' ? overRandom(answersMean.values, all, index) : null,
    textsOverNoFilter: textsMean.gains[index] ?? null,
    multiplier: base < 0 || index === base ? null : multiply(points[index] ?? [], points[base] ?? []),
    curve: (points[index] ?? []).map(({ tokens, flops, estimate }) => ({
      tokens,
      flops,
      ...intervalOf(estimate),
    })),
    benchmarks: benchmarks.map(({ set, bits, gains }, at) => ({
      benchmark: set,
      answers: intervalOf(bits[index]),
      overNoFilter: gains[index] ?? null,
      accuracy: correct[at]?.plain?.[index] ?? null,
      accuracyByCharacter: correct[at]?.byCharacter?.[index] ?? null,
    })),
    sources: sources.map(({ set, bits, gains }) => ({
      source: set,
      bits: intervalOf(bits[index]),
      overNoFilter: gains[index] ?? null,
    })),
  }));
}

interface Summary {
  values: ResampledRuns;
  arms: ArmEstimate[];
  gains: (Gain | null)[];
}

/** The mean over sets for each arm, and what it gains over no filter. */
function summarize(sets: readonly SetValues[], all: AllArms): Summary {
  const values = meanOverSets(sets.map((set) => set.values));
  if (sets.length === 0) return { values, arms: [], gains: [] };
  return { values, arms: estimateArms(values, all.arms, seed), gains: overNoFilter(values, all) };
}

function overNoFilter(values: ResampledRuns, { groups, arms }: AllArms): (Gain | null)[] {
  const base = arms[groups.findIndex(({ kind }) => kind === 'no filter')];
  if (base === undefined) return [];
  return estimateGains(values, arms, base, seed).map((gain, index) =>
    arms[index] === base ? null : judge(gain),
  );
}

function overRandom(values: ResampledRuns, { groups, arms }: AllArms, index: number): Gain | null {
  const { keep } = groups[index] ?? {};
  const base = arms[groups.findIndex((group) => group.kind === 'random' && group.keep === keep)];
  const gain = base === undefined ? undefined : estimateGains(values, arms, base, seed)[index];
  return gain === undefined ? null : judge(gain);
}

function judge(gain: ArmEstimate): Gain | null {
  const { low, high, seeds } = gain;
  if (seeds === 0) return null;
  const verdict = low > 0 ? 'better' : high < 0 ? 'worse' : 'no difference seen';
  return { ...intervalOf(gain), seeds, verdict };
}

function intervalOf(estimate: ArmEstimate | undefined): Interval {
  const { value, low, high } = estimate ?? { value: 0, low: 0, high: 0 };
  return { value, low, high };
}

function withItems(estimate: ArmEstimate | undefined, sets: readonly SetValues[]): ReportedArm['answers'] {
  if (estimate === undefined || sets.length === 0) return null;
  return { ...intervalOf(estimate), n: sets.reduce((sum, { items }) => sum + items, 0) };
}

function estimateCorrect(
  { arms, results }: AllArms,
  reading: number,
  benchmark: string,
  which: 'correct' | 'correctByCharacter',
): Interval[] | undefined {
  const values = measureCorrect(results, reading, benchmark, which);
  return values === undefined ? undefined : estimateArms(values, arms, seed).map(intervalOf);
}

/** Compute of a model that has read so many tokens: 6·N·D, N with its embeddings. */
function computeOf(results: readonly RunResult[]): (tokens: number) => number {
  const parameters = results[0]?.card.parameters ?? 0;
  return (tokens) => 6 * parameters * tokens;
}

interface EstimatedPoint {
  flops: number;
  estimate: ArmEstimate | undefined;
}

function multiply(
  arm: readonly EstimatedPoint[],
  base: readonly EstimatedPoint[],
): ReportedArm['multiplier'] {
  const curve = (
    points: readonly EstimatedPoint[],
    lossOf: (estimate: ArmEstimate) => number,
  ): CurvePoint[] =>
    points.flatMap(({ flops, estimate }) =>
      estimate === undefined ? [] : [{ flops, loss: lossOf(estimate) }],
    );
  const plain = findMultiplier(
    curve(arm, ({ value }) => value),
    curve(base, ({ value }) => value),
  );
  if (plain === undefined) return null;
  const draws = arm[0]?.estimate?.samples.length ?? 0;
  const sampled = Array.from({ length: draws }, (_, at) => {
    const drawn = ({ samples }: ArmEstimate): number => samples[at] ?? 0;
    return findMultiplier(curve(arm, drawn), curve(base, drawn));
  });
  return { ...plain, ...boundMultiplier(sampled) };
}
