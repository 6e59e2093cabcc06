// A trial as `betr trial plan` and `betr trial report` would write it, with figures made up.

import { join } from 'node:path';
import { commitBytes } from '../../data/files/commit.ts';
import { trialHtml } from '../../evaluation/trials/html.ts';
import { type PlannedArm, saveTrial, trialFolder } from '../../evaluation/trials/plan-file.ts';
import {
  type Gain,
  type ReportedArm,
  reportPage,
  saveReport,
  type TrialReport,
} from '../../evaluation/trials/report-file.ts';
import type { Run } from '../../run/run.ts';

const amount = { documents: 90, tokens: 9000 };
const sha256 = 'a'.repeat(64);
const file = { file: 'arm.jsonl.zst', bytes: 1000, sha256 };

/** Writes the plan of a trial without a report. */
export async function planMadeTrial(run: Run, name: string): Promise<void> {
  const arm: PlannedArm = {
    id: 'no-filter',
    kind: 'no filter',
    scorer: '',
    keep: 1,
    draw: 0,
    generation: 'a1b2c3d4e5f6',
    cut: amount,
    leaks: amount,
    heldOut: amount,
    sampled: 1,
    written: amount,
    passes: 1,
    files: [file],
  };
  await saveTrial(run, {
    version: 1,
    kind: 'betr trial',
    name,
    plannedAt: '2026-11-30T20:00:00Z',
    from: sha256,
    model: '1m',
    tokenizer: 'bytes',
    tokens: 2_500_000,
    sequenceLength: 256,
    batchTokens: 8192,
    readings: [500_000, 2_500_000],
    decayShare: 0.1,
    learningRates: [0.002],
    tuning: [],
    seeds: [0, 1, 2],
    arms: [arm],
    evaluation: {
      items: file,
      texts: file,
      validation: file,
      benchmarks: [],
      untested: [],
      sources: [],
    },
    jobs: [{ name: `${name}.no-filter.s0.lr1`, arm: 'no-filter', seed: 0, learningRate: 0, sha256 }],
    estimate: { tokensPerSecond: 1, peakMemoryMb: 1, parameters: null, seconds: 1, flops: 1, diskBytes: 1 },
  });
}

/** Writes a trial with its report, as JSON and as a page. */
export async function reportMadeTrial(run: Run, name: string): Promise<TrialReport> {
  await planMadeTrial(run, name);
  const report = makeTrialReport(run, name);
  await saveReport(run, report);
  await commitBytes(join(trialFolder(run, name), reportPage), await trialHtml(report, {}));
  return report;
}

/** BETR beats random, DSIR does worse. */
export function makeTrialReport(run: Run, trial: string): TrialReport {
  const arms = [
    makeArm('no filter', 'no filter', 2.1),
    makeArm('random at 10%', 'random', 2.12),
    makeArm('betr at 10%', 'ranking', 1.9),
    makeArm('dsir at 10%', 'ranking', 2.3),
  ];
  const rate = { noise: { deviation: 0.012, freedom: 8 }, smallest: 0.034, benchmarks: [] };
  return {
    version: 1,
    kind: 'betr trial report',
    trial,
    model: '1m',
    tokenizer: 'bytes',
    parameters: { all: 1.3e6, withoutEmbeddings: 1.2e6 },
    tokens: 2_500_000,
    seeds: [0, 1, 2],
    jobs: { done: 11, of: 12 },
    seconds: 1000,
    flops: 2.2e14,
    devices: ['cpu'],
    learningRates: [
      { learningRate: 0.002, arms, ...rate },
      { learningRate: 0.0005, arms: arms.slice(0, 3), ...rate, noise: null },
    ],
    flips: { pairs: 3, flipped: [] },
    cheapMeasures: [],
    problems: [
      { job: `${trial}.dsir.k10.s2.lr1`, problem: `it is failed: No file ${run.settingsFolder}/x.zst` },
    ],
    notes: ['The order of selections often differs between models below 15M parameters and larger ones.'],
  };
}

function makeArm(arm: string, kind: ReportedArm['kind'], end: number): ReportedArm {
  const near = (value: number): { value: number; low: number; high: number } => ({
    value,
    low: value - 0.03,
    high: value + 0.03,
  });
  const gain = (over: number): Gain => {
    const value = over - end;
    return {
      ...near(value),
      seeds: 3,
      verdict: value > 0.03 ? 'better' : value < -0.03 ? 'worse' : 'no difference seen',
    };
  };
  return {
    arm,
    kind,
    keep: kind === 'no filter' ? 1 : 0.1,
    runs: 3,
    seeds: 3,
    passes: kind === 'no filter' ? 0.4 : 3.7,
    answers: { ...near(end), n: 300 },
    whole: { ...near(end + 0.4), n: 300 },
    texts: { ...near(2.4), n: 200 },
    overNoFilter: kind === 'no filter' ? null : gain(2.1),
    overRandom: kind === 'ranking' ? gain(2.12) : null,
    textsOverNoFilter: kind === 'no filter' ? null : { ...near(-0.1), seeds: 3, verdict: 'worse' },
    multiplier:
      kind !== 'ranking'
        ? null
        : end < 2.1
          ? { kind: 'is', times: 2.4, low: 1.9, high: null }
          : { kind: 'below', times: 0.2, low: null, high: null },
    curve: [0.2, 0.4, 1].map((share) => ({
      ...near(end - Math.log(share) / 3),
      tokens: share * 2_500_000,
      flops: share * 2e13,
    })),
    benchmarks: [],
    sources: [],
  };
}
