import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { openRandom } from '../../../data/seeded-random.ts';
import { fitLaw, type Trial } from '../../../ranking/budget/calibrate.ts';
import { answerBudget } from '../../../ranking/budget/answer.ts';
import { calibrate, listCalibrations } from '../../../ranking/budget/calibrations.ts';
import { parseTrials } from '../../../ranking/budget/trial-table.ts';
import { makeRows, rankRows, withRun } from '../synthetic.ts';

const budgets = [1e19, 3e19, 1e20, 3e20, 1e21];
const rates = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32];

/**
 * Runs of a world in which the loss at each budget is a parabola in ln F with its bottom at F = a · C^b %.
 */
function makeTrials(a: number, b: number, noise = 0, keeps: readonly number[] = rates): Trial[] {
  const random = openRandom(7);
  return budgets.flatMap((flops) =>
    keeps.map((keep) => ({
      flops,
      keep,
      loss:
        3 + 0.02 * (Math.log(100 * keep) - Math.log(a * flops ** b)) ** 2 + noise * (random() + random() - 1),
    })),
  );
}

describe('a law from own runs', () => {
  it('is the one that made them', async () => {
    await fc.assert(
      fc.asyncProperty(fc.double({ min: 0.05, max: 0.12, noNaN: true }), async (b) => {
        const a = 5 / 1e20 ** b; // 5% at 1e20, so that every bottom is among the rates
        const fit = await fitLaw(makeTrials(a, b));
        expect(fit.exponent).toBeCloseTo(b, 8);
        expect(fit.coefficient / a).toBeCloseTo(1, 6);
        for (const { residual, best, byLaw } of fit.budgets) {
          expect(residual).toBeCloseTo(0, 8);
          expect(best / byLaw).toBeCloseTo(1, 8);
        }
      }),
      { numRuns: 10 },
    );
  });

  it('has intervals that hold the truth and narrow with the noise, and the same ones every time', async () => {
    const [a, b] = [5 / 1e20 ** 0.1, 0.1];
    const [loud, quiet] = [await fitLaw(makeTrials(a, b, 0.01)), await fitLaw(makeTrials(a, b, 0.001))];
    for (const { intervals } of [loud, quiet]) {
      expect(intervals.exponent.low).toBeLessThan(b);
      expect(intervals.exponent.high).toBeGreaterThan(b);
      expect(intervals.coefficient.low).toBeLessThan(a);
      expect(intervals.coefficient.high).toBeGreaterThan(a);
    }
    const width = ({ intervals: { exponent } }: typeof loud): number => exponent.high - exponent.low;
    expect(width(quiet)).toBeLessThan(width(loud) / 3);
    expect(await fitLaw(makeTrials(a, b, 0.01))).toEqual(loud);
  });

  it('accepts accuracies, where larger is better, and reports the residual of each run', async () => {
    const trials = makeTrials(5 / 1e20 ** 0.1, 0.1, 0.002);
    const byLoss = await fitLaw(trials);
    const byAccuracy = await fitLaw(
      trials.map(({ flops, keep, loss = 0 }) => ({ flops, keep, accuracy: 5 - loss })),
    );
    expect(byAccuracy.exponent).toBeCloseTo(byLoss.exponent, 10);
    const [first, other] = [byLoss.budgets[0]?.runs[0], byAccuracy.budgets[0]?.runs[0]];
    expect(first?.value).toBe(trials[0]?.loss);
    expect(other?.residual).toBeCloseTo(-(first?.residual ?? 0), 10);
  });

  it('notes that three runs per budget cannot show their noise', async () => {
    const fit = await fitLaw(makeTrials(5 / 1e20 ** 0.1, 0.1, 0, [0.02, 0.05, 0.16]));
    expect(fit.notes).toEqual([expect.stringContaining('Three runs per budget')]);
  });

  it(
    'is told with the budgets as they were handed in, or those in the middle of runs that are near ' +
      'each other',
    async () => {
      const trials = makeTrials(5 / 1e20 ** 0.1, 0.1);
      expect((await fitLaw(trials)).budgets.map(({ flops }) => flops)).toEqual(budgets);
      const near = trials.map((trial, i) => ({ ...trial, flops: trial.flops * (i % 2 === 0 ? 1 : 1.05) }));
      expect((await fitLaw(near)).budgets[0]?.flops).toBeCloseTo(1e19 * Math.sqrt(1.05), -6);
    },
  );

  it('notes how many resamples failed if many did', async () => {
    const {
      intervals: { failed },
      notes,
    } = await fitLaw(makeTrials(5 / 1e20 ** 0.1, 0.1, 0.05));
    expect(failed).toBeGreaterThan(50);
    expect(notes).toEqual([expect.stringContaining(`In ${failed} of 1,000 resamples`)]);
    expect((await fitLaw(makeTrials(5 / 1e20 ** 0.1, 0.1, 0.001))).notes).toEqual([]);
  });

  it('leaves out budgets without a best rate as long as three have one', async () => {
    const trials = makeTrials(5 / 1e20 ** 0.1, 0.1);
    const rising = rates.map((keep) => ({ flops: 1e22, keep, loss: 2 - keep }));
    const fit = await fitLaw([...trials, ...rising, { flops: 1e23, keep: 0.1, loss: 2 }]);
    expect(fit.unused).toEqual([
      { flops: 1e22, reason: expect.stringMatching(/best run was 32%|do not rise to a peak/) },
      { flops: 1e23, reason: 'only 1 different rates were tried; a fit needs at least 3' },
    ]);
    expect(fit.exponent).toBeCloseTo(0.1, 8);
  });

  it.each<[string, Trial[], RegExp]>([
    ['no runs', [], /no runs/],
    [
      'too few budgets',
      makeTrials(0.05, 0.1).filter(({ flops }) => flops < 1e20),
      /2 of 2 budgets|of 2 budgets have/,
    ],
    ['too few rates', makeTrials(5 / 1e20 ** 0.1, 0.1, 0, [0.02, 0.16]), /2 different rates were tried/],
    ['no interior peak', makeTrials(1e-3, 0.1), /outside the tried range/],
    [
      'a valley in place of a peak',
      makeTrials(5 / 1e20 ** 0.1, 0.1).map(({ loss = 0, ...trial }) => ({ ...trial, loss: -loss })),
      /do not rise to a peak/,
    ],
    ['a best rate that falls', makeTrials(5 * 1e20 ** 0.1, -0.1), /does not grow/],
    [
      'losses and accuracies mixed',
      makeTrials(5 / 1e20 ** 0.1, 0.1).map(({ loss = 0, ...trial }, i) =>
        i % 2 === 0 ? { ...trial, loss } : { ...trial, accuracy: loss },
      ),
      /every run/,
    ],
  ])('is refused with the reason for %s', async (_name, trials, reason) => {
    await expect(fitLaw(trials)).rejects.toMatchObject({
      code: 'CALIBRATION_REFUSED',
      message: expect.stringMatching(reason),
    });
  });
});

describe('training runs', () => {
  it.each([
    'flops,keep,loss\n1e19,0.1,2.5\n1e20,10%,2.25\n',
    '\uFEFFloss, keep ,flops\r\n2.5,0.1,1e19\r\n\r\n2.25,0.1,1e20',
    '"flops","keep","loss"\n"1e19","0.1"," 2.5"\n"1e20","10%","2.25"\n',
    '[{"flops": 1e19, "keep": 0.1, "loss": 2.5}, {"flops": 1e20, "keep": 0.1, "loss": 2.25}]',
    '{"name": "mine", "runs": [{"flops": 1e19, "keep": 0.1, "loss": 2.5}, {"flops": 1e20, "keep": 0.1, "loss": 2.25}]}',
  ])('are read from %j', (text) => {
    expect(parseTrials(text)).toEqual([
      { flops: 1e19, keep: 0.1, loss: 2.5 },
      { flops: 1e20, keep: 0.1, loss: 2.25 },
    ]);
  });

  it.each([
    ['flops,rate,loss\n1,2,3', 'BODY_INVALID'],
    ['flops,keep,loss\n1e19,0.1', 'BODY_INVALID'],
    ['flops,keep,loss\n1e19,0.1,', 'BODY_INVALID'],
    ['flops,keep,loss\n"1e19,0.1",0.1,2', 'BUDGET_INVALID'],
    ['flops,keep,loss\n"1e19,0.1,2', 'BODY_INVALID'],
    ['flops,keep,loss\n-1,0.1,2', 'BUDGET_INVALID'],
    ['flops,keep,loss\n1e19,10,2', 'OPTION_INVALID'],
    ['[{"flops": 1e19}', 'BODY_INVALID'],
    ['[{"flops": "1e19", "keep": 0.1, "loss": 2}]', 'BODY_INVALID'],
    ['[{"flops": 1e19, "keep": 0.1, "loss": 2, "seed": 3}]', 'BODY_INVALID'],
  ])('are refused where they are not that: %j', (text, code) => {
    expect(() => parseTrials(text)).toThrow(expect.objectContaining({ code }));
  });
});

describe('a calibration', () => {
  it('is kept by name, replaces the one before, and can be asked for as a pool', async () => {
    await withRun(async (run) => {
      const ranking = await rankRows(run, makeRows(300));
      const trials = makeTrials(5 / 1e20 ** 0.1, 0.1);
      await calibrate(run, 'mine', makeTrials(4 / 1e20 ** 0.1, 0.1));
      const calibration = await calibrate(run, 'mine', trials);
      expect(await listCalibrations(run)).toEqual([calibration]);
      const answer = await answerBudget(run, ranking, { budget: 1e20, pool: 'mine', poolTokens: 1e13 });
      expect(answer.keep.rate).toBeCloseTo(0.05, 6);
      expect(answer.law).toEqual({ name: 'mine', formula: calibration.formula });
      expect(answer.summary).toContain('your own runs');
      const beyond = await answerBudget(run, ranking, { budget: 1e22, pool: 'mine', poolTokens: 1e13 });
      expect(beyond.flags).toContain('extrapolated');
      expect(beyond.caveats.join()).toContain('above 1e21 FLOPs');
    });
  });
});
