import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { slicesSchema } from '../../../ranking/budget/slices.ts';
import { answerSchema } from '../../../ranking/budget/question.ts';
import { betr, withRanked } from './ranked-run.ts';

describe('betr cutoff', () => {
  it('cuts by chosen benchmarks', async () => {
    await withRanked(async (run) => {
      const answer = answerSchema.parse(
        JSON.parse((await betr(run, 'cutoff', '--keep', '0.1', '--without', 'mmlu', '--json')).stdout),
      );
      expect(answer.benchmarks).toEqual(['gsm8k', 'arc_easy']);
    });
  });
});

describe('betr cutoff and betr select by score', () => {
  it('cut at a score, count slices, and write how many times to repeat documents', async () => {
    await withRanked(async (run) => {
      // A negative score is no flag.
      for (const score of ['0.6', '-0.25']) {
        const answer = answerSchema.parse(
          JSON.parse((await betr(run, 'cutoff', '--score', score, '--json')).stdout),
        );
        expect(answer.keep).toMatchObject({ setBy: 'score', score: Number(score) });
      }
      const { slices } = slicesSchema.parse(
        JSON.parse((await betr(run, 'cutoff', '--slices', '.5,.75', '--json')).stdout),
      );
      expect(slices.map(({ score }) => score)).toEqual([0.75, 0.5]);
      const text = (await betr(run, 'cutoff', '--slices', '.5,.75')).stdout;
      for (const { documents } of slices) expect(text).toContain(String(documents));
      const out = join(run.folder, 'out');
      expect((await betr(run, 'select', '--repeat', '0.75:3,0.5:1', '--out', out)).stdout).toContain(
        `3 times: ${slices[0]?.documents ?? 0} documents`,
      );
    });
  });

  it('say what does not go together', async () => {
    await withRanked(async (run) => {
      const out = ['--out', join(run.folder, 'out')];
      for (const [words, ...args] of [
        ['A score sets the cutoff alone', 'cutoff', '--score', '0.6', '--keep', '0.1'],
        ['not budget', 'cutoff', '--slices', '.5', '--budget', '1e21'],
        ['--slices is "x"', 'cutoff', '--slices', '.5,x'],
        ['last slice of --repeat', 'select', '--repeat', '0.5:2', '--score', '0.5', ...out],
        ['or a --score', 'select', ...out],
      ] as const)
        expect(await betr(run, ...args)).toMatchObject({ code: 2, stderr: expect.stringContaining(words) });
    });
  });
});
