// Every number of the command line has bounds.

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Command } from 'commander';
import { commands } from '../../../cli/commands.ts';
import { betr } from '../../cli/betr.ts';
import { leafCommands } from '../../cli/leaf-commands.ts';
import { makeRows, rankRows, withRun } from '../../ranking/synthetic.ts';
import { beyond } from './beyond.ts';

describe('the command line', () => {
  let folder = '';
  let over: Promise<void> = Promise.resolve();
  let end = (): void => undefined;
  beforeAll(async () => {
    // All tests share one run.
    await new Promise<void>((ready) => {
      over = withRun(async (run) => {
        await rankRows(run, makeRows(60));
        folder = run.settingsFolder;
        await new Promise<void>((done) => {
          end = done;
          ready();
        });
      });
    });
  });
  afterAll(async () => {
    end();
    await over;
  });

  const knobs = ['--pool-tokens', '--tokens-per-param', '--max-epochs'];
  const options: [string, string[], string[]][] = [
    ['cutoff', ['--keep', '0.1'], knobs],
    ['cutoff', [], ['--budget', '--params', '--tokens', '--keep']],
    ['select', ['--out', 'out', '--keep', '0.1'], knobs],
    ['compare', ['--budgets', '1e20'], [...knobs, '--params']],
    ['compare', [], ['--budgets', '--params']],
    ['rank', [], ['--workers']],
    ['work', [], ['--workers', '--grace']],
    ['evaluate', [], ['--words', '--keep', '--budgets']],
    ['leaks', ['--tests', 'none.jsonl'], ['--words']],
    [
      'domains',
      ['--losses', 'a.csv', '--errors', 'b.csv'],
      ['--keep-rate', '--repeat', '--resamples', '--seed'],
    ],
    ['serve', [], ['--port', '--rate-limit', '--connections']],
    ['slurm', ['--dry-run'], ['--nodes', '--cpus']],
    ['judge', ['none', '--exam'], ['--texts']],
    ['judge', ['none', '--compare'], ['--keep', '--documents']],
    ['trainer', ['--all'], ['--at-once', '--threads']],
    ['trainer', ['--all', '--slurm', '--dry-run'], ['--cpus', '--gpus']],
    [
      'trial plan',
      [],
      [
        '--keep',
        '--tokens',
        '--seeds',
        '--learning-rates',
        '--random-draws',
        '--items',
        '--texts',
        '--readings',
      ],
    ],
    ['trial run', [], ['--at-once', '--threads']],
    ['trial eval', ['--lm-eval', 'trial'], ['--limit', '--batch']],
    ['pairs measure', ['feedback', '--by', 'bradley-terry'], ['--seed', '--check']],
    [
      'pairs measure',
      ['feedback', '--by', 'models', '--model', 'small'],
      [
        '--seed',
        '--part',
        '--beta',
        '--learning-rate',
        '--epochs',
        '--batch-size',
        '--max-length',
        '--max-prompt-length',
        '--measure-at',
        '--at-once',
        '--threads',
      ],
    ],
    ['pairs select', ['feedback', '--out', 'out'], ['--keep', '--floor', '--seed', '--max-loss', '--params']],
    [
      'pairs trial plan',
      ['feedback', '--student', 'small'],
      [
        '--keep',
        '--seeds',
        '--held-out',
        '--items',
        '--prompts',
        '--answer-tokens',
        '--beta',
        '--learning-rate',
        '--epochs',
        '--batch-size',
        '--max-length',
        '--max-prompt-length',
      ],
    ],
    ['pairs trial run', ['feedback'], ['--at-once', '--threads']],
    ['audit draw', [], ['--count', '--slices', '--twice', '--seed']],
    ['audit export', ['out.csv', '--person', 'Ada'], ['--count']],
    ['audit result', [], ['--precision']],
  ];

  it('has no other option that takes a number', async () => {
    const tried = new Set(options.flatMap(([name, , flags]) => flags.map((flag) => `${name} ${flag}`)));
    const all: Command[] = [];
    for (const load of Object.values(commands)) all.push(...leafCommands(await load()));
    for (const command of all) {
      const name = fullName(command);
      for (const { long, argChoices, flags } of command.options) {
        const takesNumber =
          /<(count|number|seconds|flops|share|ratio)>|<list>/.test(flags) &&
          argChoices === undefined &&
          long !== '--scorers';
        if (
          takesNumber &&
          !(name === 'select' && ['--budget', '--params', '--tokens', '--keep'].includes(long ?? '')) &&
          !(name === 'why')
        )
          expect([...tried]).toContain(`${name} ${long ?? ''}`);
      }
    }
  });

  it.each(
    options.flatMap(([name, others, flags]) =>
      flags.map((flag): [string, string, string[]] => [name, flag, others]),
    ),
  )('betr %s refuses numbers beyond the bounds for %s', async (name, flag, others) => {
    // A grace period has no lower bound.
    for (const text of flag === '--grace' ? beyond.filter((one) => !/e-31|^0\.0/.test(one)) : beyond) {
      const { code, stdout, stderr } = await betr(folder, [...name.split(' '), ...others, `${flag}=${text}`]);
      expect({ text, code, stderr }).toEqual({
        text,
        code: 2,
        stderr: expect.stringMatching(/^betr: .* \[(OPTION_INVALID|BUDGET_INVALID)\]\n$/),
      });
      expect(stdout).toBe('');
    }
  });

  it('betr why refuses rows beyond the bounds', async () => {
    for (const text of beyond)
      expect(await betr(folder, ['why', '--', 'corpus/shard-0.jsonl', text])).toMatchObject({
        code: expect.any(Number),
        stderr: expect.stringMatching(/\[(OPTION_INVALID|STEP_MISSING)\]/),
      });
  });
});

function fullName(command: Command): string {
  return [...(command.parent === null ? [] : [fullName(command.parent)]), command.name()].join(' ');
}
