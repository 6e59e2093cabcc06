// Plans of trials, with a stand-in for the worker.

import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { estimateNoise } from '../../../evaluation/trials/planned-noise.ts';
import { readTrial, trialFolder, type TrialPlan } from '../../../evaluation/trials/plan-file.ts';
import { silent } from '../../../run/progress.ts';
import type { Run } from '../../../run/run.ts';
import {
  codeOf,
  documents,
  noiseOf,
  openStandIn,
  plan,
  qualities,
  rankAgain,
  runAll,
  withTrialRun,
} from './stand-in.ts';

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
      // Three arms with three seeds: t is 2.7764 and .9410 with 4 degrees of freedom.
      expect(noise.smallest).toBeCloseTo((2.7764 + 0.941) * deviation * Math.sqrt(2 / 3), 4);
    });
  });

  it.each([
    { texts: 3, aside: 2 },
    { texts: 7, aside: 4 },
  ])(
    'holds out $texts texts of each of two sources, and $aside more to tune on',
    async ({ texts, aside }) => {
      await withTrialRun(async (run) => {
        const { evaluation } = await plan(run, { texts, seeds: [0] });
        expect(evaluation.sources).toEqual([
          { source: 'sums', texts },
          { source: 'tales', texts },
        ]);
        const lines = (await readFile(join(trialFolder(run, 'first'), 'validation.jsonl'), 'utf8'))
          .trim()
          .split('\n');
        expect(lines).toHaveLength(aside);
      });
    },
  );

  it('replaces the jobs of a plan that was interrupted, but no model that is trained', async () => {
    await withTrialRun(async (run) => {
      const short = { seeds: [0], randomDraws: 1, tune: true };
      const made = await plan(run, short);
      const remove = (): Promise<void> => rm(trialFolder(run, 'first'), { recursive: true });
      await remove();
      const longer = { ...short, tokens: 12_000 };
      const again = await plan(run, longer);
      expect(again.jobs.map(({ name }) => name)).toEqual(made.jobs.map(({ name }) => name));
      await runAll(run, { ...again, jobs: again.jobs.slice(0, 1) });
      await remove();
      expect(await codeOf(plan(run, short))).toBe('TRAINING_JOB_EXISTS');
      expect((await plan(run, longer)).tokens).toBe(12_000);
    });
  });

  it('does without held-out texts in a corpus that is too small for them, but not to tune', async () => {
    await withTrialRun(async (run) => {
      await rankAgain(run, 1, 12);
      const small = { tokens: 256, readings: [256], keeps: [0.9], randomDraws: 1, seeds: [0] };
      const made = await plan(run, small);
      expect(made.evaluation.sources).toEqual([]);
      const job = await readFile(join(run.files.training, made.jobs[0]?.name ?? '', 'job.json'), 'utf8');
      expect(job).toContain('items.jsonl');
      expect(job).not.toContain('texts.jsonl');
      expect(await codeOf(plan(run, { ...small, name: 'tuned', tune: true }))).toBe('TRIAL_NO_VALIDATION');
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
