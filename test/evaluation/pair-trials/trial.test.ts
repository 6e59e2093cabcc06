// Trials on preference pairs, with a stand-in for the trained models.

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { withLock } from '../../../data/files/lock.ts';
import { judgeAnswers, readVerdicts } from '../../../evaluation/pair-trials/judge.ts';
import { pairTrialFolder } from '../../../evaluation/pair-trials/plan-file.ts';
import { reportPairTrial } from '../../../evaluation/pair-trials/report.ts';
import { readPairResults } from '../../../evaluation/pair-trials/results.ts';
import { describePairTrial } from '../../../cli/commands/pairs/trial/report-text.ts';
import { describePairPlan } from '../../../cli/commands/pairs/trial/plan-text.ts';
import { readRuns } from '../../../pairs/runs.ts';
import { openPairs } from '../../../pairs/set.ts';
import { silent } from '../../../run/progress.ts';
import type { Run } from '../../../run/run.ts';
import { codeOf, noiseOf } from '../trials/stand-in.ts';
import { doJobs, jobsOf, options, pairCount, plan, type Qualities, withPairs } from './stand-in.ts';

/** The easiest pairs teach most, and cost a quarter of a bit an answer; seeds differ a little. */
const qualities: Qualities = {
  margin: (job, pair) =>
    (job.startsWith('easiest') ? 0.6 : job.startsWith('hardest') ? -0.6 : 0) +
    noiseOf(pair) +
    0.02 * noiseOf(`${job} ${pair}`),
  bits: (job, item) =>
    4 + noiseOf(item) + (job.startsWith('easiest') ? 0.5 : 0) + (job === 'untuned' ? 0 : 0.02 * noiseOf(job)),
  text: (job, prompt) => `${job} about ${prompt}`,
};

const rowSchema = z.looseObject({ id: z.string(), prompt: z.string() });

async function rowsOf(path: string): Promise<z.output<typeof rowSchema>[]> {
  const bytes = await readFile(path);
  const text = (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => rowSchema.parse(JSON.parse(line)));
}

async function judge(run: Run, made: Awaited<ReturnType<typeof plan>>): Promise<void> {
  const set = await openPairs(run, 'feedback');
  const results = await readPairResults(run, set, made, silent);
  await withLock(run, () => judgeAnswers(run, set, made, results, silent));
}

describe('a trial on preference pairs', () => {
  it('sets prompts aside, and cuts the arms from the other pairs', async () => {
    await withPairs(async (run) => {
      const made = await plan(run);
      const folder = pairTrialFolder(await openPairs(run, 'feedback'), 'first');
      const held = await rowsOf(join(folder, made.heldOut.file));
      expect(held).toHaveLength(made.pairs.heldOut);
      expect(made.pairs).toMatchObject({ all: pairCount, known: pairCount - 1, tests: 0 });
      expect(made.pairs.heldOut + made.pairs.pool).toBe(pairCount - 1);
      expect(made.pairs.heldOut).toBeGreaterThan(17);
      const heldPrompts = new Set(held.map(({ prompt }) => prompt));
      const ids = new Map<string, string[]>();
      for (const arm of made.arms) {
        const rows = await rowsOf(join(folder, arm.file.file));
        expect(rows).toHaveLength(arm.pairs);
        expect(rows.filter(({ prompt }) => heldPrompts.has(prompt))).toEqual([]);
        ids.set(
          arm.id,
          rows.map(({ id }) => id),
        );
      }
      // The pairs are from easy to hard.
      const all = ids.get('all') ?? [];
      const quarter = Math.round(0.25 * all.length);
      expect(all).toHaveLength(made.pairs.pool);
      expect(ids.get('easiest.k25')).toEqual(all.slice(0, quarter));
      expect(ids.get('hardest.k25')).toEqual(all.slice(-quarter));
      expect(ids.get('random.k25.draw0')).not.toEqual(ids.get('random.k25.draw1'));
      expect((await rowsOf(join(folder, made.prompts?.file ?? ''))).map(({ id }) => id)).toHaveLength(12);

      // 2 shares × 4 cuts × 2 budgets × 2 seeds, and all pairs.
      expect(made.models).toHaveLength(34);
      const steps = Math.ceil(made.pairs.pool / 8);
      for (const { arm, budget, steps: own } of made.models)
        expect(own).toBe(budget === 'epochs' ? Math.ceil((ids.get(arm)?.length ?? 0) / 8) : steps);
      expect(await plan(run)).toEqual(made);
      expect(await codeOf(plan(run, { heldOut: 0.3 }))).toBe('PAIRS_TRIAL_EXISTS');
      expect(describePairPlan(made)).toContain('critic compares the answers of each model');
    });
  });

  it('compares the arms, and says where it sees no difference', async () => {
    await withPairs(async (run) => {
      const made = await plan(run);
      expect(await codeOf(reportPairTrial(run, 'feedback', 'first', silent))).toBe('PAIRS_TRIAL_NO_RESULTS');
      await doJobs(run, jobsOf(made), qualities);
      await judge(run, made);
      const report = await reportPairTrial(run, 'feedback', 'first', silent);
      const find = (arm: string, keep: number, budget: string) =>
        report.arms.find((one) => one.arm === arm && one.keep === keep && one.budget === budget);
      const easiest = find('easiest', 0.25, 'epochs');
      expect(report.problems).toEqual([]);
      expect(report.arms).toHaveLength(17);
      expect(easiest?.accuracyOverAll?.verdict).toBe('better');
      expect(easiest?.lossOverRandom?.verdict).toBe('better');
      expect(find('hardest', 0.5, 'steps')?.accuracyOverAll?.verdict).toBe('worse');
      expect(find('middle', 0.5, 'steps')?.accuracyOverAll?.verdict).toBe('no difference seen');
      expect(find('all', 1, 'both')?.accuracyOverAll).toBeNull();
      // A half more of a bit for 2 bytes.
      expect(easiest?.itemsOverUntuned?.value).toBeCloseTo(-0.25, 1);
      expect(easiest?.itemsOverUntuned?.verdict).toBe('worse');
      expect(find('middle', 0.25, 'epochs')?.itemsOverUntuned?.verdict).toBe('no difference seen');
      // 10 nats for each unit of margin.
      expect((easiest?.chosen.value ?? 0) - (find('all', 1, 'both')?.chosen.value ?? 0)).toBeCloseTo(6, 0);
      expect(easiest?.rejected.value).toBe(0);
      expect(report.judge).toMatchObject({ name: 'critic', prompts: 12, leftOut: 0 });
      expect(report.peaks.map(({ budget }) => budget)).toEqual(['epochs', 'steps']);
      const runs = await readRuns(report.peaks[0]?.runs ?? '');
      expect(runs).toHaveLength(1);
      expect(runs[0]).toMatchObject({ run: 'first-epochs', params: 1000 });
      expect(runs[0]?.points.map(({ keep, n }) => [keep, n])).toEqual(
        [1, 1, 0.25, 0.25, 0.5, 0.5].map((keep) => [keep, 12]),
      );
      const text = describePairTrial(report);
      expect(text).toContain('no difference seen');
      expect(text).toMatch(/^easiest 25%, equal epochs .* better/m);
    });
  });

  it('lists what is missing, and judges again when answers change', async () => {
    await withPairs(async (run) => {
      const made = await plan(run, {
        keeps: [0.5],
        budgets: ['epochs'],
        seeds: [0],
        arms: ['easiest', 'random'],
      });
      const jobs = jobsOf(made);
      await doJobs(run, jobs.slice(0, -4), qualities);
      const early = await reportPairTrial(run, 'feedback', 'first', silent);
      expect(early.problems.map(({ problem }) => problem)).toContain('it is not started');
      expect(early.judge).toBeNull();
      expect(early.arms[0]?.items).toBeNull();
      await doJobs(run, jobs, qualities);
      await judge(run, made);
      const set = await openPairs(run, 'feedback');
      const before = await readVerdicts(set, made);
      await judge(run, made);
      expect((await readVerdicts(set, made))?.tokens).toBe(before?.tokens);
      await doJobs(run, jobs, { ...qualities, text: () => 'the same' });
      expect((await reportPairTrial(run, 'feedback', 'first', silent)).judge).toBeNull();
      await judge(run, made);
      const report = await reportPairTrial(run, 'feedback', 'first', silent);
      for (const { winRate, lengthControlled } of report.arms) {
        expect(winRate?.value).toBe(0.5);
        expect(lengthControlled?.value).toBeCloseTo(0.5, 6);
      }
      expect(report.peaks[0]?.reason).toContain('2 different shares');
    });
  });

  it('refuses a student that has learned from the pairs, and sets that are too small', async () => {
    await withPairs(async (run) => {
      const made = await plan(run, { name: 'one', keeps: [0.5] });
      const checkpoint = join(run.files.training, made.models[0]?.train.name ?? '');
      const training = { ...options.training, model: { checkpoint } };
      expect(await codeOf(plan(run, { name: 'two', training }))).toBe('PAIRS_TRIAL_STUDENT');
      expect(await codeOf(plan(run, { name: 'three', heldOut: 0.001 }))).toBe('PAIRS_TRIAL_SMALL');
    });
  });
});
