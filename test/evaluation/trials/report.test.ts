// Reports of trials, with a stand-in for the worker.

import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { calibrationRuns } from '../../../evaluation/trials/calibration.ts';
import { trialHtml } from '../../../evaluation/trials/html.ts';
import { readTrial, trialFolder, type TrialPlan } from '../../../evaluation/trials/plan-file.ts';
import { reportTrial } from '../../../evaluation/trials/report.ts';
import { readReport, saveReport, type TrialReport } from '../../../evaluation/trials/report-file.ts';
import { readResults } from '../../../evaluation/trials/results.ts';
import { silent } from '../../../run/progress.ts';
import type { Run } from '../../../run/run.ts';
import { codeOf, plan, qualities, type Qualities, rankAgain, runAll, withTrialRun } from './stand-in.ts';

describe('reportTrial', () => {
  it('compares the arms as a loop over the results does', async () => {
    await withTrialRun(async (run) => {
      const made = await plan(run);
      await runAll(run, made);
      const report = await reportTrial(run, 'first', silent);
      const [rate] = report.learningRates;
      const slow = await meansOf(run, made);
      const arms = new Map(rate?.arms.map((arm) => [arm.arm, arm]));
      expect([...arms.keys()]).toEqual(['no filter', 'random at 20%', 'betr at 20%']);
      const value = (name: string): number => arms.get(name)?.answers?.value ?? NaN;
      expect(value('no filter')).toBeCloseTo(slow('no-filter'), 9);
      expect(value('random at 20%')).toBeCloseTo((slow('random1.k20') + slow('random2.k20')) / 2, 9);
      expect(value('betr at 20%')).toBeCloseTo(slow('betr.k20'), 9);
      const betr = arms.get('betr at 20%');
      expect(betr?.overNoFilter?.value).toBeCloseTo(slow('no-filter') - slow('betr.k20'), 9);
      expect(betr?.overNoFilter).toMatchObject({ verdict: 'better', seeds: 3 });
      expect(betr?.overRandom?.verdict).toBe('better');
      expect(arms.get('random at 20%')?.overNoFilter?.verdict).toBe('no difference seen');
      // Other sources gain nothing.
      expect(betr?.sources.find(({ source }) => source === 'tales')?.overNoFilter?.verdict).toBe(
        'no difference seen',
      );
      expect(betr?.sources.find(({ source }) => source === 'sums')?.overNoFilter?.verdict).toBe('better');
      // Twice the compute is worth .2, so .3 are worth 2 ** 1.5.
      expect(betr?.multiplier?.kind).toBe('is');
      expect(Math.abs(Math.log((betr?.multiplier?.times ?? NaN) / 2 ** 1.5))).toBeLessThan(0.15);
      expect(rate?.noise?.freedom).toBe(4 * 3 - 4);
      expect(rate?.benchmarks.every(({ signalToNoise }) => (signalToNoise ?? 0) > 5)).toBe(true);
      // Bits below 2 count as right answers here, which no item has.
      expect(rate?.benchmarks[0]?.accuracy).toMatchObject({ isAboveChance: false });
      expect(report.cheapMeasures.map(({ reason }) => reason?.startsWith('too few'))).toEqual([
        true,
        true,
        true,
      ]);
      expect(report.notes.join(' ')).toContain('order of selections often differs');
      await saveReport(run, report);
      expect(await readReport(run, 'first')).toEqual(report);
      await checkPage(report);
    });
  });

  it('names every model without a result, and what has changed since the plan', async () => {
    await withTrialRun(async (run) => {
      const made = await plan(run);
      expect(await codeOf(reportTrial(run, 'first', silent))).toBe('TRIAL_NO_RESULTS');
      await runAll(run, made);
      const folder = (arm: string, seed: number): string =>
        join(run.files.training, `first.${arm}.s${seed}.lr1`);
      await rm(join(folder('betr.k20', 0), 'card.json'));
      await writeFile(
        join(folder('betr.k20', 0), 'events.jsonl'),
        '{"at":"2026-01-01T00:00:00Z","event":"failed","code":"LOSS_NOT_FINITE","message":"The loss became NaN at step 7."}\n',
      );
      await rm(folder('random1.k20', 1), { recursive: true });
      await writeFile(join(folder('random2.k20', 2), 'result.parquet'), 'other bytes');
      const job = join(folder('no-filter', 2), 'job.json');
      await writeFile(job, (await readFile(job, 'utf8')).replace('"seed": 2', '"seed": 3'));
      await rankAgain(run, 2);
      const report = await reportTrial(run, 'first', silent);
      const problems = new Map(report.problems.map(({ job: name, problem }) => [name, problem]));
      expect(problems.size).toBe(4);
      expect(problems.get('first.betr.k20.s0.lr1')).toContain('The loss became NaN at step 7.');
      expect(problems.get('first.random1.k20.s1.lr1')).toContain('no job.json');
      expect(problems.get('first.random2.k20.s2.lr1')).toContain('not the file that the worker wrote');
      expect(problems.get('first.no-filter.s2.lr1')).toBeDefined();
      expect(report.jobs).toEqual({ done: 8, of: 12 });
      // Seeds 1 and 2 of betr, 0 and 1 of no filter: one seed is in both.
      const betr = report.learningRates[0]?.arms.find(({ arm }) => arm === 'betr at 20%');
      expect(betr).toMatchObject({ seeds: 2, overNoFilter: { seeds: 1 } });
      const notes = report.notes.join(' ');
      expect(notes).toContain('4 of 12 jobs have no result');
      expect(notes).toContain('Ranked again since the trial was planned');
    });
  });

  it('says what one seed and repeated documents mean, and whether the order depends on the learning rate', async () => {
    await withTrialRun(async (run) => {
      const one = await plan(run, { seeds: [0], randomDraws: 1, readings: [8000] });
      await runAll(run, one, { ...qualities, passes: (arm) => (arm === 'betr.k20' ? 2.5 : 0.5) });
      const report = await reportTrial(run, 'first', silent);
      expect(report.learningRates[0]).toMatchObject({ noise: null, smallest: null });
      expect(report.notes.join(' ')).toMatch(/one seed.*betr at 20% 2\.5 times/);
      const plan2 = await readTrial(run, 'first');
      const { results } = await readResults(run, plan2, silent);
      expect(() => calibrationRuns(plan2, results, 'betr')).toThrow(
        'betr at 20% saw its documents 2.5 times',
      );
      expect(() => calibrationRuns(plan2, results, 'length')).toThrow('the trial has no arm of length');
      const two = await plan(run, {
        name: 'rates',
        seeds: [0, 1],
        randomDraws: 1,
        readings: [8000],
        learningRates: [1e-3, 1e-4],
      });
      const turned: Qualities = {
        bits: (at) => qualities.bits(at) + (at.learningRate === 1e-4 && at.arm.startsWith('betr') ? 0.6 : 0),
      };
      await runAll(run, two, turned);
      expect((await reportTrial(run, 'rates', silent)).flips).toMatchObject({
        flipped: expect.arrayContaining([['betr at 20%', 'no filter']]),
      });
    });
  });
});

/** The mean over seeds and benchmarks of the bits per byte of the answers, the slow way. */
async function meansOf(run: Run, made: TrialPlan): Promise<(arm: string) => number> {
  const lines = (await readFile(join(trialFolder(run, made.name), 'items.jsonl'), 'utf8')).trim().split('\n');
  const items = lines.map((line) => /^\{"id":"([^"]*)","set":"([^"]*)"/.exec(line) ?? []);
  await stat(join(run.files.training, made.jobs[0]?.name ?? ''));
  return (arm) => {
    let sum = 0;
    for (const seed of made.seeds)
      for (const set of ['choices', 'open']) {
        let bits = 0;
        let bytes = 0;
        for (const [, item = ''] of items.filter(([, , of]) => of === set)) {
          const own = 10 + (item.length % 3);
          bytes += own;
          bits +=
            own *
            qualities.bits({
              arm,
              seed,
              learningRate: 1e-3,
              set,
              item,
              share: 1,
              key: `${arm} ${seed} 0.001`,
            });
        }
        sum += bits / bytes / made.seeds.length / 2;
      }
    return sum;
  };
}

async function checkPage(report: TrialReport): Promise<void> {
  const page = await trialHtml({ ...report, notes: ['<b>Careful</b>'] }, { betr: '1' });
  expect(page).toContain('&lt;b&gt;Careful&lt;/b&gt;');
  expect(page).toContain('Better than random documents of the same amount: betr at 20%.');
  // Nothing is loaded from elsewhere.
  expect(page).not.toMatch(/<(?:script|link|img)[^>]*(?:src|href)=/);
  expect(page).toContain('uPlot');
}
