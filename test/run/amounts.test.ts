import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  formatAmount,
  formatFlops,
  formatShare,
  parseAmount,
  parseBudget,
  parseShare,
} from '../../run/amounts.ts';

describe('amounts', () => {
  it.each([
    ['1e21', 1e21],
    ['6E+20', 6e20],
    [' 12.5 ', 12.5],
    ['.5e3', 500],
    ['1e 21', 1e21],
  ])('a budget of "%s" is %d FLOPs', (text, flops) => expect(parseBudget(text)).toBe(flops));

  it.each([
    '0',
    '-1',
    'NaN',
    '1e400',
    '1e31',
    '1e-31',
    '',
    ' ',
    '1e21x',
    'Infinity',
    '0x10',
    '1e-400',
    '1,000',
  ])('"%s" is not a budget', (text) => {
    expect(() => parseBudget(text)).toThrow(
      expect.objectContaining({ code: 'BUDGET_INVALID', message: expect.stringContaining(`"${text}"`) }),
    );
  });

  it.each([
    ['0.1', 0.1],
    ['1', 1],
    ['10%', 0.1],
    ['7.5%', 0.075],
  ])('a share of "%s" is %d', (text, share) => expect(parseShare('--keep', text)).toBe(share));

  it.each(['0', '1.1', '101%', '-0.1', '10', '', '%', 'all'])('"%s" is not a share', (text) => {
    expect(() => parseShare('--keep', text)).toThrow(
      expect.objectContaining({ code: 'OPTION_INVALID', message: expect.stringContaining('--keep') }),
    );
  });

  it.each([
    ['7B', 7e9],
    ['1e12', 1e12],
    ['6.3t', 6.3e12],
    ['1300000', 1.3e6],
    ['22M', 2.2e7],
    ['5k', 5000],
  ])('"%s" is %d', (text, amount) => expect(parseAmount('--params', text)).toBe(amount));

  it.each(['B', '0', '-7B', '7 billion', '1e400', '1e308T', '1e30K', ''])('"%s" is not an amount', (text) => {
    expect(() => parseAmount('--params', text)).toThrow(expect.objectContaining({ code: 'OPTION_INVALID' }));
  });

  it.each(['9', '1.', '.9', '1e', ' '])('take no longer to be refused than they are long: "%s…"', (piece) => {
    const text = `${piece.repeat(100_000)}x`;
    const startedMs = performance.now();
    for (const parse of [
      parseBudget,
      (got: string) => parseAmount('--params', got),
      (got: string) => parseShare('--keep', got),
    ]) {
      expect(() => parse(text)).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining(text.slice(0, 200)) }),
      );
    }
    expect(performance.now() - startedMs).toBeLessThan(500);
  });

  it('are formatted like Intl.NumberFormat', () => {
    const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });
    fc.assert(
      fc.property(fc.double({ min: 0, max: 16, noNaN: true }), (log10) =>
        expect(formatAmount(10 ** log10)).toBe(compact.format(10 ** log10)),
      ),
      { numRuns: 2000 },
    );
    for (const amount of [0, 999, 999.4, 999.5, 1000, 999_499, 999_500, 999_999, 1e15, 1.2345e17])
      expect(formatAmount(amount)).toBe(compact.format(amount));
  });

  it('are formatted for reading', () => {
    expect([
      formatAmount(6.3e12),
      formatAmount(42_817_441),
      formatFlops(1e21),
      formatFlops(6.05e18),
      formatShare(0.0711),
      formatShare(1),
      formatShare(0.3949, 2),
    ]).toEqual(['6.3T', '42.8M', '1e21', '6.05e18', '7.11%', '100%', '39%']);
  });
});
