// `betr compare`, `calibrate`, `cutoff` by chosen benchmarks and `serve --new-key`.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { calibrationSchema } from '../../../ranking/budget/calibrations.ts';
import { comparisonSchema } from '../../../ranking/budget/compare-budgets.ts';
import { comparisonColumns } from '../../../ranking/budget/comparison-table.ts';
import { withRun } from '../../ranking/synthetic.ts';
import { answerSchema } from '../../../ranking/budget/question.ts';
import { betr, withRanked } from './ranked-run.ts';

describe('betr compare', () => {
  it('prints model sizes side by side, as JSON, CSV and text', async () => {
    await withRanked(async (run) => {
      const asked = ['compare', '--params', '0.4B,1B,7B', '--pool-tokens', '6.3T'];
      const { lines, steps } = comparisonSchema.parse(
        JSON.parse((await betr(run, ...asked, '--json')).stdout),
      );
      expect(lines.map(({ name }) => name)).toEqual([
        '400M parameters',
        '1B parameters',
        '7B parameters',
        'no filter',
      ]);
      const csv = (await betr(run, ...asked, '--csv')).stdout.trimEnd().split('\r\n');
      expect([csv[0], csv.length]).toEqual([comparisonColumns.join(','), 5]);
      const text = (await betr(run, ...asked)).stdout;
      for (const { name } of lines) expect(text).toContain(name);
      expect(text).toContain(`${steps[0]?.from} → ${steps[0]?.to}`);
      expect(text).toContain('says nothing about your models');
    });
  });

  it('says what is wrong with what it is asked', async () => {
    await withRanked(async (run) => {
      expect(await betr(run, 'compare')).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('Give budgets'),
      });
      expect(await betr(run, 'compare', '--budgets', '1e21,0')).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('BUDGET_INVALID'),
      });
      for (const [flag, got, says] of [
        ['--pool-tokens', '3', 'at least the '],
        ['--max-epochs', '0', 'a number above 0 and at most 1e30, such as 4.'],
        ['--pool', 'mine', 'one of nemotron-cc'],
        ['--without', 'gsm8k,arc_easy,mmlu', 'some of'],
      ] as const) {
        expect(await betr(run, 'cutoff', '--budget', '1e21', flag, got)).toMatchObject({
          code: 2,
          stderr: expect.stringContaining(`betr: ${flag} is "${got}", but it must be ${says}`),
        });
      }
      expect(await betr(run, 'cutoff', '--keep', '0.1', '--benchmarks', 'gsm9k')).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('BENCHMARK_UNKNOWN'),
      });
    });
  });
});

describe('betr calibrate', () => {
  it('makes a law that cutoffs can be asked by, or says why the runs cannot carry one', async () => {
    await withRanked(async (run) => {
      const row = (flops: number, keep: number): string =>
        `${flops},${keep},${2 + Math.log(keep / (0.02 * (flops / 1e19) ** 0.2)) ** 2}`;
      const rows = [1e19, 1e20, 1e21].flatMap((flops) =>
        [0.01, 0.03, 0.1, 0.3].map((keep) => row(flops, keep)),
      );
      const file = join(run.settingsFolder, 'small.csv');
      await writeFile(file, ['flops,keep,loss', ...rows].join('\n'));
      const { fit } = calibrationSchema.parse(
        JSON.parse((await betr(run, 'calibrate', file, '--json')).stdout),
      );
      expect(fit.exponent).toBeCloseTo(0.2);
      expect((await betr(run, 'calibrate', file, '--name', 'mine')).stdout).toContain(
        'Use it with --pool mine',
      );
      const answer = answerSchema.parse(
        JSON.parse(
          (
            await betr(
              run,
              'cutoff',
              '--budget',
              '1e20',
              '--pool',
              'small',
              '--pool-tokens',
              '1e13',
              '--json',
            )
          ).stdout,
        ),
      );
      expect(answer.keep.rate).toBeCloseTo(0.02 * 10 ** 0.2);
      await writeFile(file, ['flops,keep,loss', ...rows.slice(0, 6)].join('\n'));
      expect(await betr(run, 'calibrate', file)).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('CALIBRATION_REFUSED'),
      });
      expect(await betr(run, 'calibrate', join(run.settingsFolder, 'absent.csv'))).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(
          /absent\.csv does not exist.* relative to the current folder\. \[FILE_NOT_FOUND\]/,
        ),
      });
      expect(await betr(run, 'calibrate', file, '--name', '../up')).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('OPTION_INVALID'),
      });
    });
  });
});

describe('betr serve', () => {
  it('makes keys, and keeps only their hashes', async () => {
    await withRun(async (run) => {
      const { key } = z
        .object({ key: z.string() })
        .parse(JSON.parse((await betr(run, 'serve', '--new-key', 'jobs', '--json')).stdout));
      expect(key).toMatch(/^betr_jobs_[\w-]{43}$/);
      expect(await readFile(join(run.folder, 'keys.json'), 'utf8')).not.toContain(key);
      expect(await betr(run, 'serve', '--new-key', 'read')).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/^betr_read_[\w-]{43}\n$/),
        stderr: expect.stringContaining('shown only once'),
      });
      expect(await betr(run, 'serve', '--port', '70000')).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('OPTION_INVALID'),
      });
      expect(await betr(run, 'serve', '--host', '256.1.1.1', '--port', '0')).toMatchObject({
        code: 1,
        stderr: expect.stringContaining('ADDRESS_IN_USE'),
      });
    });
  });
});
