// Every row of the method's section 5, asked over HTTP.

import { describe, expect, it } from '@jest/globals';
import { comparisonSchema } from '../../ranking/budget/compare-budgets.ts';
import { curveSchema } from '../../ranking/budget/curve.ts';
import { shareServer } from './serve.ts';
import { type Answer, answerSchema } from '../../ranking/budget/question.ts';

const server = shareServer();

async function rank(query: string): Promise<Answer> {
  return answerSchema.parse((await server().ask(`/rank?${query}`)).json);
}

const percent = (rate: number): number => Number((100 * rate).toFixed(1));

describe('the keep-rate laws', () => {
  const budgets = [1e19, 1e20, 1e21, 1e22, 1e23, 1e24];
  const cells = Object.entries({
    'nemotron-cc': [2.2, 4.0, 7.1, 12.6, 22.5, 40],
    'dclm-refinedweb': [2.7, 3.8, 5.2, 7.2, 10.0, 13.7],
  }).flatMap(([law, row]) => row.map((kept, i) => [law, budgets[i] ?? 0, kept] as const));
  it.each(cells)('%s at %d FLOPs keeps %d %%', async (law, budget, kept) => {
    const answer = await rank(
      `budget=${budget.toExponential().replace('+', '')}&pool=${law}&poolTokens=1e18`,
    );
    expect([answer.keep.setBy, answer.law?.name, percent(answer.keep.rate)]).toEqual(['law', law, kept]);
  });

  it.each([
    [1e10, 5.2],
    [1.4e11, 7.3],
    [1e12, 9.4],
    [1.4e12, 9.9],
    [1e13, 12.7],
  ])('a fixed 6.6 B model on %d tokens keeps %d %%', async (tokens, kept) => {
    const answer = await rank(`params=6.6B&tokens=${tokens}&pool=nemotron-cc-6.6b&poolTokens=1e18`);
    expect(percent(answer.keep.rate)).toBe(kept);
  });
});

describe('the worked answers', () => {
  const pools = ['10B', '100B', '1T', '6.3T'];
  const rows: [string, [number, number][]][] = [
    [
      '1e19',
      [
        [10.7, 4],
        [2.2, 1.9],
        [2.2, 1],
        [2.2, 1],
      ],
    ],
    [
      '1e20',
      [
        [33.9, 4],
        [4.0, 3.4],
        [4.0, 1],
        [4.0, 1],
      ],
    ],
    [
      '1e21',
      [
        [100, 4.3],
        [10.7, 4],
        [7.1, 1],
        [7.1, 1],
      ],
    ],
    [
      '1e22',
      [
        [100, 13.5],
        [33.9, 4],
        [12.6, 1.1],
        [12.6, 1],
      ],
    ],
    [
      '1e23',
      [
        [100, 43],
        [100, 4.3],
        [22.5, 1.9],
        [22.5, 1],
      ],
    ],
  ];
  it.each(
    rows.flatMap(([budget, row]) =>
      row.map(([kept, epochs], i) => [budget, pools[i] ?? '', kept, epochs] as const),
    ),
  )('%s FLOPs, a pool of %s tokens: %d %%, %d epochs', async (budget, pool, kept, epochs) => {
    const answer = await rank(`budget=${budget}&poolTokens=${pool}&tokensPerParam=11&maxEpochs=4`);
    expect(percent(answer.keep.rate)).toBe(kept);
    expect(Number(answer.repetition?.epochs.toFixed(epochs === 43 ? 0 : 1))).toBe(epochs);
  });
});

describe('the worth of repeated tokens', () => {
  it.each([
    [1, 1],
    [2, 0.984],
    [4, 0.931],
    [8, 0.828],
    [10, 0.781],
    [16, 0.661],
    [40, 0.379],
  ])('%d epochs are worth %d a token', async (epochs, worth) => {
    const { repetition, model } = await rank(`keep=0.1&poolTokens=1e12&tokens=${epochs * 1e11}`);
    expect(repetition?.epochs).toBeCloseTo(epochs);
    expect(Number(((repetition?.effectiveTokens ?? 0) / (model?.tokens ?? 1)).toFixed(3))).toBe(worth);
  });
});

describe("the paper's fits", () => {
  it('give the mean Core accuracy at 3, 10, 30 and 100%, and are said to be of its own models and pool', async () => {
    const expected: Record<string, number[]> = {
      '1e19': [42.8, 41.6, 39.5, 37.0],
      '1e20': [50.6, 49.8, 47.7, 44.4],
      '1e21': [57.6, 57.4, 56.0, 52.3],
      '1e22': [63.0, 63.3, 62.9, 59.3],
      '1e23': [66.8, 67.4, 67.9, 64.6],
      '1e24': [69.4, 70.1, 71.3, 68.4],
    };
    const { lines, paper } = comparisonSchema.parse(
      (await server().ask(`/compare?budgets=${Object.keys(expected).join(',')}`)).json,
    );
    expect(paper).toMatch(/own compute-optimal models on its own pool/);
    expect(lines.map(({ name }) => name)).toEqual([
      ...Object.keys(expected).map((budget) => `${budget} FLOPs`),
      'no filter',
    ]);
    for (const [i, row] of Object.values(expected).entries()) {
      expect(lines[i]?.paperAccuracy?.map(({ keep }) => keep)).toEqual([0.03, 0.1, 0.3, 1]);
      for (const [at, accuracy] of row.entries())
        expect(Math.abs(100 * (lines[i]?.paperAccuracy?.[at]?.accuracy ?? 0) - accuracy)).toBeLessThan(0.1);
    }
    expect(lines.at(-1)?.paperAccuracy).toBeNull();
  });

  it('change the best rate at 10^21.47 and 10^22.38, and value the best 10% at 4.75 times the compute', async () => {
    const { paper } = curveSchema.parse((await server().ask('/curve')).json);
    expect(paper.crossovers.map(({ from, to }) => [from, to])).toEqual([
      [0.03, 0.1],
      [0.1, 0.3],
    ]);
    for (const [i, log10] of [21.47, 22.38].entries())
      expect(Math.abs((paper.crossovers[i]?.log10Flops ?? 0) - log10)).toBeLessThan(0.02);
    expect(Math.abs(paper.computeMultiplierAt10Percent - 4.75)).toBeLessThan(0.05);
  });
});
