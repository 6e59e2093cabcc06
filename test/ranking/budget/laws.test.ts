import { describe, expect, it } from '@jest/globals';
import {
  budgetsFor,
  floorRate,
  keepRate,
  type LawName,
  laws,
  lawRate,
  planModel,
} from '../../../ranking/budget/laws.ts';
import { countRepetition } from '../../../ranking/budget/repetition.ts';

const percent = (rate: number, digits = 1): number => Number((100 * rate).toFixed(digits));

describe('keep-rate laws (method, section 5)', () => {
  const table: [LawName, [number, number][]][] = [
    [
      'nemotron-cc',
      [
        [1e19, 2.2],
        [1e20, 4.0],
        [1e21, 7.1],
        [1e22, 12.6],
        [1e23, 22.5],
        [1e24, 40],
      ],
    ],
    [
      'dclm-refinedweb',
      [
        [1e19, 2.7],
        [1e20, 3.8],
        [1e21, 5.2],
        [1e22, 7.2],
        [1e23, 10.0],
        [1e24, 13.7],
      ],
    ],
  ];
  for (const [law, cells] of table) {
    it.each(cells)(`${law} at %d FLOPs keeps %d %%`, (flops, expected) => {
      expect(percent(lawRate(laws[law], planModel({ flops }, 11)))).toBe(expected);
    });
  }

  it.each([
    [1e10, 5.2],
    [1.4e11, 7.3],
    [1e12, 9.4],
    [1.4e12, 9.9],
    [1e13, 12.7],
  ])('a fixed 6.6 B model on %d tokens keeps %d %%', (tokens, expected) => {
    expect(percent(lawRate(laws['nemotron-cc-6.6b'], planModel({ params: 6.6e9, tokens }, 11)))).toBe(
      expected,
    );
  });

  it('never keeps more than everything', () => {
    expect(lawRate(laws['nemotron-cc'], planModel({ flops: 1e30 }, 11))).toBe(1);
  });
});

describe('worked answers: law, data floor and epochs', () => {
  const pools = [1e10, 1e11, 1e12, 6.3e12];
  const table: [number, [percent: number, epochs: number][]][] = [
    [
      1e19,
      [
        [10.7, 4],
        [2.2, 1.9],
        [2.2, 1],
        [2.2, 1],
      ],
    ],
    [
      1e20,
      [
        [33.9, 4],
        [4.0, 3.4],
        [4.0, 1],
        [4.0, 1],
      ],
    ],
    [
      1e21,
      [
        [100, 4.3],
        [10.7, 4],
        [7.1, 1],
        [7.1, 1],
      ],
    ],
    [
      1e22,
      [
        [100, 13.5],
        [33.9, 4],
        [12.6, 1.1],
        [12.6, 1],
      ],
    ],
    [
      1e23,
      [
        [100, 42.8],
        [100, 4.3],
        [22.5, 1.9],
        [22.5, 1],
      ],
    ],
  ];
  const cells = table.flatMap(([flops, row]) =>
    row.map(([kept, epochs], column): [number, number, number, number] => [
      flops,
      pools[column] ?? 0,
      kept,
      epochs,
    ]),
  );
  it.each(cells)('%d FLOPs, pool of %d tokens: %d %%, %d epochs', (flops, poolTokens, kept, epochs) => {
    const model = planModel({ flops }, 11);
    const { rate } = keepRate(lawRate(laws['nemotron-cc'], model), floorRate(model.tokens, poolTokens, 4));
    expect(percent(rate)).toBe(kept);
    expect(Number(countRepetition(model.tokens, rate, poolTokens).epochs.toFixed(1))).toBe(epochs);
  });

  it('names what set the rate, and keeps the band within the floor and everything', () => {
    const law = keepRate(0.07, 0.01);
    expect(law).toMatchObject({ rate: 0.07, setBy: 'law' });
    expect(law.high / law.low).toBeCloseTo(10 / 3);
    expect(keepRate(0.07, 0.06)).toMatchObject({ rate: 0.07, low: 0.06, setBy: 'law' });
    expect(keepRate(0.07, 0.1)).toMatchObject({ rate: 0.1, low: 0.1, setBy: 'data floor' });
    expect(keepRate(0.07, 0.3)).toEqual({ rate: 0.3, low: 0.3, high: 0.3, setBy: 'data floor' });
    expect(keepRate(0.9, 0.1)).toMatchObject({ rate: 0.9, high: 1 });
    expect(keepRate(0.07, 5)).toEqual({ rate: 1, low: 1, high: 1, setBy: 'data floor' });
  });
});

describe('the model of a budget', () => {
  it('follows from any one or two of FLOPs, parameters and tokens', () => {
    const model = planModel({ flops: 6.6e20 }, 11);
    expect(model.params).toBeCloseTo(Math.sqrt(1e19), -3);
    for (const given of [
      { params: model.params },
      { tokens: model.tokens },
      { params: model.params, tokens: model.tokens },
      { flops: 6.6e20, params: model.params },
      { flops: 6.6e20, tokens: model.tokens },
    ]) {
      const other = planModel(given, 11);
      for (const key of ['flops', 'params', 'tokens', 'tokensPerParam'] as const)
        expect(other[key] / model[key]).toBeCloseTo(1, 12);
    }
    expect(planModel({ params: 1e9, tokens: 1e12 }, 11)).toEqual({
      flops: 6e21,
      params: 1e9,
      tokens: 1e12,
      tokensPerParam: 1000,
    });
  });
});

describe('the budgets that suit a rate', () => {
  it.each([
    [1e19, 1e14],
    [1e21, 1e12],
    [1e22, 1e11],
    [3e22, 1e12],
  ])('are those that the law and the floor give it: %d FLOPs, pool of %d tokens', (flops, poolTokens) => {
    const rateOf = (budget: number): ReturnType<typeof keepRate> => {
      const model = planModel({ flops: budget }, 11);
      return keepRate(lawRate(laws['nemotron-cc'], model), floorRate(model.tokens, poolTokens, 4));
    };
    const { rate } = rateOf(flops);
    const budgets = budgetsFor(rate, laws['nemotron-cc'], poolTokens, { tokensPerParam: 11, maxEpochs: 4 });
    expect(budgets.at.flops / flops).toBeCloseTo(1, 6);
    expect(rateOf(budgets.from.flops * 1.001).high).toBeGreaterThanOrEqual(rate * (1 - 1e-9));
    expect(rateOf((budgets.to?.flops ?? 0) * 0.999).low).toBeLessThanOrEqual(rate * (1 + 1e-9));
    // A little further out the rate is outside of the band.
    expect(rateOf(budgets.from.flops * 0.99).high).toBeLessThan(rate);
    expect(rateOf((budgets.to?.flops ?? 0) * 1.01).low).toBeGreaterThan(rate);
  });

  it('have no upper limit if everything is kept, and are token counts for a fixed model', () => {
    expect(budgetsFor(1, laws['nemotron-cc'], 1e12, { tokensPerParam: 11, maxEpochs: 4 }).to).toBeNull();
    const { at } = budgetsFor(0.094, laws['nemotron-cc-6.6b'], 1e14, { tokensPerParam: 11, maxEpochs: 4 });
    expect(at.params).toBe(6.6e9);
    expect(at.tokens / 1e12).toBeCloseTo(1, 1);
  });
});
