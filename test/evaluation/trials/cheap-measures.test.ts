// Whether cheap measures agree with trained models, from what `betr evaluate` wrote.

import { join } from 'node:path';
import { describe, expect } from '@jest/globals';
import { commitJson } from '../../../data/files/commit.ts';
import { compareCheapMeasures } from '../../../evaluation/trials/measured-arms.ts';
import { readResults } from '../../../evaluation/trials/results.ts';
import { silent } from '../../../run/progress.ts';
import { makeEvaluation } from '../../server/made-evaluation.ts';
import { noiseOf, plan, runAll, withTrialRun } from './stand-in.ts';
import { longTest } from '../../long.ts';

describe('compareCheapMeasures', () => {
  longTest('counts the pairs of arms that the evaluation orders as the models do', async () => {
    await withTrialRun(async (run) => {
      const keeps = [0.1, 0.15, 0.2, 0.25, 0.3, 0.35];
      const made = await plan(run, { keeps, randomDraws: 1, seeds: [0, 1], tokens: 2000, readings: [2000] });
      // betr gains more the less it keeps, and random nothing.
      const gainOf = (arm: string): number =>
        arm.startsWith('betr') ? 0.5 - Number(arm.split('.k')[1]) / 100 : 0;
      await runAll(run, made, {
        bits: ({ arm, item, seed }) => 3 + noiseOf(item) - gainOf(arm) + 1e-3 * seed,
      });
      const { results } = await readResults(run, made, silent);
      const [n1, n2, n3] = await compareCheapMeasures(run, made, results);
      for (const { share, reason } of [n1, n2, n3].flatMap((one) => one ?? [])) {
        expect(share).toBeNull();
        expect(reason).toMatch(/^too few: 0 arms with it, of at least 12 needed/);
      }
      expect(n2?.reason).toContain('betr evaluate --in-sample --scorers betr,random --keep 0.1,');

      // The n-gram gain turns the order of betr's two smallest cuts round; the target match is always wrong.
      const evaluation = makeEvaluation();
      const [example] = evaluation.selections;
      if (example === undefined) throw new Error('no selection');
      const select = (scorer: string, keep: number, gain: number, bits: number): typeof example => {
        const { mean } = example.targetMatch;
        return {
          ...example,
          scorer,
          keep,
          targetMatch: {
            ...example.targetMatch,
            mean: { gain: { ...mean.gain, value: gain }, bitsPerByte: { ...mean.bitsPerByte, value: bits } },
          },
        };
      };
      const gains = [0.35, 0.4, 0.3, 0.25, 0.2, 0.15];
      await commitJson(join(run.files.evaluation, 'evaluation.json'), {
        ...evaluation,
        selections: [
          ...keeps.flatMap((keep, i) => [
            select('betr', keep, gains[i] ?? 0, 2 - keep),
            select('random', keep, 0, 1),
          ]),
          select('no filter', 1, 0, 1),
        ],
      });
      const [, gain, match] = await compareCheapMeasures(run, made, results);
      // 15 pairs of betr's cuts, and 6 · 7 of one of them with another arm. The 7 others do not differ.
      expect(gain).toMatchObject({ arms: 13, pairs: 15 + 42, reason: null });
      expect(gain?.share?.value).toBeCloseTo((15 - 1 + 42) / 57, 12);
      expect(gain?.share?.low).toBeGreaterThan(0.7);
      // Among betr's cuts, larger ones have the lower bits; betr's all have higher ones than the others.
      expect(match?.share?.value).toBeCloseTo(0, 12);
    });
  });
});
