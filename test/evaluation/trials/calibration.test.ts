// A trial's runs as the runs of a calibration.

import { describe, expect, it } from '@jest/globals';
import { calibrationRuns } from '../../../evaluation/trials/calibration.ts';
import { readResults } from '../../../evaluation/trials/results.ts';
import { fitLaw } from '../../../ranking/budget/calibrate.ts';
import { silent } from '../../../run/progress.ts';
import { noiseOf, plan, runAll, withTrialRun } from './stand-in.ts';

describe('calibrationRuns', () => {
  it('feeds the calibration, which finds the law that the losses follow', async () => {
    await withTrialRun(async (run) => {
      const keeps = [0.1, 0.2, 0.4, 0.8];
      const made = await plan(run, {
        keeps,
        randomDraws: 1,
        seeds: [0, 1],
        tokens: 3000,
        readings: [750, 1500, 3000],
      });
      // It doubles with the tokens.
      const best = (share: number): number => 0.6 * share;
      await runAll(run, made, {
        bits: ({ arm, share, item, key }) => {
          const keep = Number(/k([\d.]+)$/.exec(arm)?.[1] ?? 100) / 100;
          return (
            3 -
            share +
            0.1 * (Math.log(keep) - Math.log(best(share))) ** 2 +
            0.1 * noiseOf(item) +
            1e-4 * noiseOf(key)
          );
        },
      });
      const { results } = await readResults(run, made, silent);
      const runs = calibrationRuns(made, results, 'betr');
      expect(runs).toHaveLength(5 * 2 * 3);
      const law = await fitLaw(runs);
      expect(law.exponent).toBeCloseTo(1, 1);
      for (const [i, { flops, best: found }] of law.budgets.entries()) {
        expect(flops).toBeCloseTo(6e6 * 750 * 2 ** i, -3);
        expect(found).toBeCloseTo(best(2 ** (i - 2)), 2);
      }
    });
  });
});
