// Trials from the plan to the report, with a stand-in for the worker.

import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { calibrationRuns } from '../../../evaluation/trials/calibration.ts';
import { trialHtml } from '../../../evaluation/trials/html.ts';
import { estimateNoise } from '../../../evaluation/trials/planned-noise.ts';
import { readTrial, trialFolder, type TrialPlan } from '../../../evaluation/trials/plan-file.ts';
import { reportTrial } from '../../../evaluation/trials/report.ts';
import { readReport, saveReport, type TrialReport } from '../../../evaluation/trials/report-file.ts';
import { readResults } from '../../../evaluation/trials/results.ts';
import { BetrError } from '../../../run/errors/errors.ts';
import { silent } from '../../../run/progress.ts';
import type { Run } from '../../../run/run.ts';
import {
  documents,
  noiseOf,
  openStandIn,
  plan,
  qualities,
  type Qualities,
  rankAgain,
  runAll,
  withTrialRun,
} from './stand-in.ts';

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'no error',
    (error: unknown) => (error instanceof BetrError ? error.code : String(error)),
  );

async function idsIn(run: Run, made: TrialPlan, arm: string): Promise<string[]> {
  const files = made.arms.find(({ id }) => id === arm)?.files ?? [];
  const texts = await Promise.all(
    files.map(({ file }) => readFile(join(trialFolder(run, made.name), file), 'utf8')),
  );
  return texts.flatMap((text) => [...text.matchAll(/"id":"(d\d+)"/g)].map(([, id = '']) => id));
}

describe('planTrial', () => {
  it('writes cuts without test items and held-out texts, the items, and a job for every model', async () => {
    await withTrialRun(async (run) => {
      const worker = openStandIn(qualities);
      const made = await plan(run, {}, worker);
      expect(made.arms.map(({ id }) => id)).toEqual(['no-filter', 'random1.k20', 'random2.k20', 'betr.k20']);
      expect(made.jobs).toHaveLength(4 * 3);
      const texts = (await readFile(join(trialFolder(run, 'first'), 'texts.jsonl'), 'utf8'))
        .trim()
        .split('\n');
      const heldOut = texts.map((line) => Number(/#(\d+)"/.exec(line)?.[1]));
      expect(made.evaluation.sources).toEqual([
        { source: 'sums', texts: 10 },
        { source: 'tales', texts: 10 },
      ]);
      const all = await idsIn(run, made, 'no-filter');
      const kept = await idsIn(run, made, 'betr.k20');
      const draws = [await idsIn(run, made, 'random1.k20'), await idsIn(run, made, 'random2.k20')];
      for (const ids of [all, kept, ...draws]) {
        expect(ids).not.toContain('d7');
        for (const row of heldOut) expect(ids).not.toContain(`d${row}`);
      }
      // Without a filter, a sample is enough; of the cut, all is needed.
      const [noFilter, , , betr] = made.arms;
      expect(betr).toMatchObject({ cut: { documents: 120, tokens: 4800 }, leaks: { documents: 1 } });
      expect(kept).toHaveLength(betr?.written.documents ?? NaN);
      expect(kept.every((id) => Number(id.slice(1)) % 2 === 0)).toBe(true);
      expect(noFilter).toMatchObject({
        cut: { documents, tokens: 40 * documents },
        leaks: { documents: 1 },
        heldOut: { documents: 24 },
      });
      expect(new Set(draws[0]).size).not.toBe(0);
      expect(draws[0]).not.toEqual(draws[1]);
      const items = await readFile(join(trialFolder(run, 'first'), 'items.jsonl'), 'utf8');
      expect(items).toContain('{"id":"0:');
      expect(items.trim().split('\n')).toHaveLength(30 + 21);
      expect(made.evaluation.benchmarks).toMatchObject([
        { benchmark: 'choices', items: 30, measure: 'answer', targets: 0 },
        { benchmark: 'open', items: 21, measure: 'answer', chance: null },
      ]);
      expect(made.evaluation.benchmarks[0]?.chance).toBeCloseTo(1 / 3, 12);
      expect(made.evaluation.untested).toEqual(['untested']);
      // 12 models, each with 8,000 tokens, two decay branches of 400 and 800, and three measurements.
      const bytes = (made.estimate.seconds * 1000) / 12 - (8000 + 400 + 800);
      expect(bytes).toBeGreaterThan((items.length + texts.join('').length) / 4);
      expect(worker.ran).toEqual([]);
      expect(await plan(run)).toEqual(made);
      expect(await readTrial(run, 'first')).toEqual(made);
      expect(await codeOf(plan(run, { tokens: 9000 }))).toBe('TRIAL_EXISTS');
    });
  });

  it('refuses arms that cannot be trained on or measured', async () => {
    await withTrialRun(async (run) => {
      expect(await codeOf(plan(run, { names: ['betr', 'nothing'] }))).toBe('SCORER_UNKNOWN');
      expect(await codeOf(plan(run, { names: ['edu'] }))).toBe('STEP_MISSING');
      expect(await codeOf(plan(run, { keeps: [0.0001] }))).toBe('TRIAL_ARM_EMPTY');
      expect(await codeOf(plan(run, { tokens: 1e7 }))).toBe('TRIAL_CUT_SMALL');
      expect(await codeOf(plan(run, { name: '../away' }))).toBe('OPTION_INVALID');
      // A refused plan leaves no trial behind.
      expect(await codeOf(readTrial(run, 'first'))).toBe('TRIAL_UNKNOWN');
      for (const file of ['choices.jsonl', 'open.jsonl']) await rm(join(run.settingsFolder, file));
      const untested = {
        ...run,
        settings: { ...run.settings, benchmarks: run.settings.benchmarks.slice(2) },
      };
      expect(await codeOf(plan(untested))).toBe('NO_TESTS');
    });
  });

  it('measures the noise of seeds with a pilot, whose models are those of the trial', async () => {
    await withTrialRun(async (run) => {
      const made = await plan(run);
      expect(await estimateNoise(run, made, undefined, silent)).toEqual({
        from: '',
        deviation: null,
        smallest: null,
      });
      const worker = openStandIn(qualities);
      const noise = await estimateNoise(run, made, worker, silent);
      expect(worker.ran.map((folder) => folder.split('/').at(-1))).toEqual(
        [0, 1, 2].map((seed) => `first.no-filter.s${seed}.lr1`),
      );
      const seeds = [0, 1, 2].map((seed) => 0.02 * noiseOf(`no-filter ${seed} 0.001`));
      const middle = (seeds[0] ?? 0) / 3 + (seeds[1] ?? 0) / 3 + (seeds[2] ?? 0) / 3;
      const deviation = Math.sqrt(seeds.reduce((sum, value) => sum + (value - middle) ** 2, 0) / 2);
      expect(noise.deviation).toBeCloseTo(deviation, 9);
      expect(noise.smallest).toBeCloseTo(2.8016 * deviation * Math.sqrt(2 / 3), 5);
    });
  });

  it('tunes the learning rate on texts that measure nothing else', async () => {
    await withTrialRun(async (run) => {
      const worker = openStandIn({ bits: ({ learningRate }) => 2 + Math.abs(Math.log(learningRate / 3e-3)) });
      const made = await plan(run, { tune: true, learningRates: [1e-3, 1e-4] }, worker);
      expect(worker.ran).toHaveLength(3);
      expect(made.learningRates).toEqual([3e-3, 1e-4]);
      expect(made.tuning.map(({ bits }) => Number(bits.toFixed(4)))).toEqual([
        Number((2 + Math.log(9)).toFixed(4)),
        Number((2 + Math.log(3)).toFixed(4)),
        2,
      ]);
      const folder = trialFolder(run, 'first');
      const ids = async (file: string): Promise<string[]> =>
        [...(await readFile(join(folder, file), 'utf8')).matchAll(/^\{"id":"([^"]+)"/gm)].map(
          ([, id = '']) => id,
        );
      const validation = await ids('validation.jsonl');
      expect(validation).toHaveLength(4);
      for (const id of await ids('texts.jsonl')) expect(validation).not.toContain(id);
      const job = await readFile(join(run.files.training, 'first.tune.s0.lr1', 'job.json'), 'utf8');
      expect(job).toContain('validation.jsonl');
      expect(job).not.toContain('items.jsonl');
      expect(job).not.toContain('texts.jsonl');
    });
  });
});

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
