import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import * as product from '../../../run/amounts.ts';
import {
  formatAmount,
  formatCount,
  formatFlops,
  formatScore,
  formatSeconds,
  formatShare,
  parseAmount,
  parseScore,
} from '../../../server/page/amounts.ts';

describe('amounts', () => {
  it.each([
    ['7B', 7e9],
    ['0.4b', 4e8],
    ['1e21', 1e21],
    ['1e+21', 1e21],
    ['6.3 T', 6.3e12],
    ['1,000', 1000],
    ['.5K', 500],
  ])('reads %s', (text, value) => expect(parseAmount(text)).toBeCloseTo(value, 6));

  it.each(['', '0', '-1', '1e400', 'NaN', '7X', 'B', '1e', '1 2'])('does not read "%s"', (text) =>
    expect(parseAmount(text)).toBeUndefined(),
  );

  it('reads scores as the rest of the product does', () => {
    for (const text of [
      '0.6',
      '-1.5e-3',
      '+2',
      ' .5 ',
      '1e30',
      '1.1e30',
      '',
      'NaN',
      'x',
      '1e',
      '5K',
      '0x1',
    ]) {
      let score: number | undefined;
      try {
        score = product.parseScore('score', text);
      } catch {
        // It is not a score.
      }
      expect([text, parseScore(text)]).toEqual([text, score]);
    }
    expect(parseScore('−0.5')).toBe(-0.5);
  });

  it('writes shares with three digits, and never all for less than all', () => {
    expect([0.0711, 0.5, 0.02, 0.9995, 1, 0, 0.000_12].map(formatShare)).toEqual([
      '7.11%',
      '50%',
      '2%',
      '99.9%',
      '100%',
      '0%',
      '0.012%',
    ]);
  });

  it('writes as the rest of the product does', () => {
    const amount = fc.double({ min: 0.01, max: 9e14, noNaN: true });
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, noNaN: true }), (share) =>
        expect(formatShare(share)).toBe(product.formatShare(share)),
      ),
    );
    fc.assert(fc.property(fc.nat(), (count) => expect(formatCount(count)).toBe(product.formatCount(count))));
    fc.assert(
      fc.property(fc.double({ min: 1, max: 1e30, noNaN: true }), (flops) =>
        expect(formatFlops(flops)).toBe(product.formatFlops(flops)),
      ),
    );
    fc.assert(
      fc.property(amount, (tokens) => expect(formatAmount(tokens)).toBe(product.formatAmount(tokens))),
    );
  });

  it('writes counts, budgets, scores and times', () => {
    expect([formatAmount(6.3e12), formatAmount(3.89e9), formatAmount(2e18)]).toEqual([
      '6.3T',
      '3.89B',
      '2e18',
    ]);
    expect([formatFlops(1e21), formatFlops(1.2589e20)]).toEqual(['1e21', '1.26e20']);
    expect([0.96, -1.23456, 0.000_015_034, -2e-4, 0].map((score) => formatScore(score))).toEqual([
      '0.9600',
      '−1.235',
      '1.503e-5',
      '−2.000e-4',
      '0.000',
    ]);
    expect(formatScore(0.000_015_034, 2)).toBe('1.5e-5');
    expect([formatSeconds(4.4), formatSeconds(200), formatSeconds(9000)]).toEqual(['4 s', '3 min', '2.5 h']);
  });
});
