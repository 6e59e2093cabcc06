// The commands of a trial, with stand-ins for Python and for the trained models.

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { readTrial } from '../../../evaluation/trials/plan-file.ts';
import { trialReportSchema } from '../../../evaluation/trials/report-file.ts';
import type { Run } from '../../../run/run.ts';
import { runAll, withTrialRun } from '../../evaluation/trials/stand-in.ts';
import { makePython } from '../../models/trainer/jobs.ts';
import { betr } from '../betr.ts';
import { type Ended, errorOf } from '../project.ts';

const small = ['--keep', '20%', '--tokens', '8k', '--seeds', '2', '--tokenizer', 'bytes', '--readings', '2'];

/** Runs `betr trial` in the run's folder. */
async function trial(run: Run, ...words: string[]): Promise<Ended> {
  return betr(run.settingsFolder, ['trial', ...words]);
}

async function usePython(run: Run): Promise<void> {
  const { program } = await makePython(run.settingsFolder);
  const settings = z.looseObject({}).parse(JSON.parse(await readFile(run.settingsPath, 'utf8')));
  await writeFile(run.settingsPath, JSON.stringify({ ...settings, trainer: { python: program } }));
}

describe('betr trial', () => {
  it('plans a trial, follows it, and reports it', async () => {
    await withTrialRun(async (run) => {
      await usePython(run);
      const plan = await trial(run, 'plan', ...small);
      expect(plan.stderr).not.toContain('betr: ');
      expect(plan.code).toBe(0);
      expect(plan.stdout).toContain('8 models (4 arms × 2 seeds × 1 learning rate) of size 1m');
      expect(plan.stdout).toContain('No filter and random cuts of the same size are always among the arms.');
      expect(plan.stdout).toMatch(/^betr +20% +120 +4\.8K +1\.8 × +1 +\d+$/m);
      expect(plan.stdout).toContain('without tests in the settings, not measured: untested');
      // The stand-in trains 2,000 tokens a second.
      expect(plan.stdout).toMatch(/Takes about \d+ (s|min) of one GPU or CPU thread at 2K tokens\/s/);
      expect(plan.stdout).toContain('--pilot trains those without a filter');
      const early = await trial(run, 'report', '--json');
      expect(errorOf(early.stdout).code).toBe('TRIAL_NO_RESULTS');

      const made = await readTrial(run, 'trial');
      const quality = (arm: string): number => (arm.startsWith('betr') ? 0.4 : 0);
      await runAll(run, { ...made, jobs: made.jobs.slice(0, 4) }, { bits: ({ arm }) => 3 - quality(arm) });
      const status = await trial(run, 'status');
      expect(status.stdout).toContain('Trial "trial": 4 of 8 models are trained');
      await runAll(run, made, { bits: ({ arm, share }) => 3 - quality(arm) - 0.2 * Math.log2(share) });
      expect((await trial(run, 'run')).stdout).toContain('All models of trial "trial" are trained.');

      const report = await trial(run, 'report');
      expect(report.code).toBe(0);
      expect(report.stdout).toMatch(/^betr at 20% +2\.600 .*\+0\.400 \(0\.400 to 0\.400\) better/m);
      expect(report.stdout).toContain('Accuracy: no benchmark is above chance at this size.');
      expect(report.stdout).toContain('fidelity: too few');
      const page = await readFile(join(run.files.trials, 'trial', 'report.html'), 'utf8');
      expect(page).toContain('<h1>Trial trial</h1>');
      const json = trialReportSchema.parse(JSON.parse((await trial(run, 'report', '--json')).stdout));
      expect(json).toEqual(
        JSON.parse(await readFile(join(run.files.trials, 'trial', 'report.json'), 'utf8')),
      );
      const law = await trial(run, 'report', '--calibration', 'own', '--json');
      expect(errorOf(law.stdout)).toMatchObject({ code: 'CALIBRATION_REFUSED' });
    });
  });

  it('says what is wrong with its options', async () => {
    await withTrialRun(async (run) => {
      const none = await betr(run.settingsFolder, ['trial', 'plan', '--json'], {
        BETR_TRAINER_PYTHON: '/nowhere/python',
      });
      expect(errorOf(none.stdout).code).toBe('TRAINER_PYTHON');
      const refused: [string[], string][] = [
        [['plan', '--model', '2m'], '--model'],
        [['plan', '--tokenizer', 'bpe:7'], '--tokenizer'],
        [['plan', '--learning-rates', '5,6'], '--learning-rates'],
        [['plan', '--seeds', '0'], '--seeds'],
        [['plan', '--tokens', '1'], '--tokens'],
        [['plan', '--keep', '200%'], '--keep'],
        [['plan', '--name', 'a/b'], '--name'],
      ];
      for (const [words, option] of refused) {
        const { code, stdout } = await trial(run, ...words, '--json');
        expect(code).toBe(2);
        expect(errorOf(stdout)).toMatchObject({ code: 'OPTION_INVALID', values: { option } });
      }
      const { code, stdout } = await trial(run, 'report', '--name', 'other', '--json');
      expect(code).toBe(2);
      expect(errorOf(stdout).code).toBe('TRIAL_UNKNOWN');
      const path = join(run.files.trials, 'old', 'trial.json');
      await mkdir(join(run.files.trials, 'old'), { recursive: true });
      await writeFile(path, '{"version": 2}');
      const old = errorOf((await trial(run, 'status', '--name', 'old', '--json')).stdout);
      expect(old).toMatchObject({ code: 'TRIAL_VERSION', values: { got: '2' } });
      await writeFile(path, '{"version": 1');
      expect(errorOf((await trial(run, 'status', '--name', 'old', '--json')).stdout).code).toBe(
        'FILE_DAMAGED',
      );
    });
  });
});
