// Intervals and agreement against published figures and against an independent program.

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { wilson } from '../../../data/statistics.ts';
import { combine, weightedShare } from '../../../evaluation/audit/intervals.ts';
import { alphaInterval, krippendorffAlpha } from '../../../evaluation/audit/krippendorff.ts';

describe('wilson', () => {
  // Newcombe 1998, Statistics in Medicine 17:857, table I, method 3.
  it.each([
    [81, 263, 0.2553, 0.3662],
    [15, 148, 0.0624, 0.1605],
    [0, 20, 0, 0.1611],
    [1, 29, 0.0061, 0.1718],
  ])('%d of %d', (yes, of, low, high) => {
    const share = wilson(yes, of);
    expect(share.value).toBe(yes / of);
    expect(share.low).toBeCloseTo(low, 4);
    expect(share.high).toBeCloseTo(high, 4);
  });

  it('stays within 0 to 1 around the estimate, and is the mirror image for no', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (of, part) => {
          const yes = Math.round(part * of);
          const { value, low, high } = wilson(yes, of);
          expect(low).toBeGreaterThanOrEqual(0);
          expect(high).toBeLessThanOrEqual(1);
          expect(low).toBeLessThanOrEqual(value);
          expect(high).toBeGreaterThanOrEqual(value);
          expect(high - low).toBeGreaterThan(0);
          expect(wilson(of - yes, of).low).toBeCloseTo(1 - high, 12);
        },
      ),
    );
  });
});

describe('combine', () => {
  // Newcombe 1998, Statistics in Medicine 17:873, table II, method 10.
  it.each([
    [56, 70, 48, 80, 0.0524, 0.3339],
    [9, 10, 3, 10, 0.1705, 0.809],
    [10, 10, 0, 10, 0.6075, 1],
  ])('gives the difference of %d of %d and %d of %d', (a, m, b, n, low, high) => {
    const difference = combine([
      { weight: 1, share: wilson(a, m) },
      { weight: -1, share: wilson(b, n) },
    ]);
    expect(difference.value).toBeCloseTo(a / m - b / n, 12);
    expect(difference.low).toBeCloseTo(low, 4);
    expect(difference.high).toBeCloseTo(high, 4);
  });

  it('weights strata, as an independent program does', () => {
    const whole = combine([
      { weight: 0.1, share: wilson(9, 10) },
      { weight: 0.3, share: wilson(7.5, 12) },
      { weight: 0.6, share: wilson(1, 11) },
    ]);
    expect(whole.value).toBeCloseTo(0.33204545454545453, 10);
    expect(whole.low).toBeCloseTo(0.23445259969810342, 10);
    expect(whole.high).toBeCloseTo(0.5152826997198576, 10);
  });

  it('is Wilson for one stratum, and keeps a width if all answers are the same', () => {
    const one = combine([{ weight: 1, share: wilson(7, 9) }]);
    expect(one.low).toBeCloseTo(wilson(7, 9).low, 12);
    expect(one.high).toBeCloseTo(wilson(7, 9).high, 12);
    const all = combine([0.5, 0.5].map((weight) => ({ weight, share: wilson(10, 10) })));
    expect(all).toMatchObject({ value: 1, high: 1 });
    expect(all.low).toBeLessThan(0.9);
  });

  it('contains the truth about 95% of the time', () => {
    // Three strata; every answer is drawn from a sequence with a known seed.
    let state = 1;
    const random = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
    const strata = [
      { weight: 0.2, chance: 0.95, documents: 20 },
      { weight: 0.3, chance: 0.6, documents: 20 },
      { weight: 0.5, chance: 0.1, documents: 20 },
    ];
    const truth = strata.reduce((sum, { weight, chance }) => sum + weight * chance, 0);
    const rounds = 2_000;
    let covered = 0;
    for (let round = 0; round < rounds; round++) {
      const { low, high } = combine(
        strata.map(({ weight, chance, documents }) => ({
          weight,
          share: wilson(Array.from({ length: documents }).filter(() => random() < chance).length, documents),
        })),
      );
      if (low <= truth && truth <= high) covered++;
    }
    expect(covered / rounds).toBeGreaterThan(0.93);
    expect(covered / rounds).toBeLessThan(0.985);
  });
});

describe('weightedShare', () => {
  it('is Wilson for equal weights, wider for unequal ones, and nothing for no answers', () => {
    const answers = [1, 1, 0, 1, 0, 1, 1, 0].map((yes) => ({ yes, weight: 3 }));
    const equal = weightedShare(answers);
    expect(equal?.low).toBeCloseTo(wilson(5, 8).low, 12);
    const unequal = weightedShare(answers.map((answer, at) => ({ ...answer, weight: at < 2 ? 30 : 3 })));
    expect((unequal?.high ?? 0) - (unequal?.low ?? 0)).toBeGreaterThan(
      (equal?.high ?? 0) - (equal?.low ?? 0),
    );
    expect(weightedShare([])).toBeUndefined();
  });
});

/** Columns of a table with one line for each coder; dots are missing. */
function columns(...lines: string[]): string[][] {
  return Array.from({ length: lines[0]?.length ?? 0 }, (_, at) =>
    lines.flatMap((line) => (line[at] === '.' ? [] : (line[at] ?? []))),
  );
}

describe("Krippendorff's alpha", () => {
  // Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability": sections A, B and C.
  it.each([
    ['binary, two coders', columns('0100000010', '1110010000'), 0.095, 10],
    ['nominal, two coders', columns('aabbdcccedda', 'babbbccceddd'), 0.692, 12],
    [
      'nominal, four coders, missing values',
      columns('123321412...', '1233224125.3', '.3332342251.', '12332441251.'),
      0.743,
      11,
    ],
  ])('%s', (_name, units, alpha, counted) => {
    expect(krippendorffAlpha(units)?.alpha).toBeCloseTo(alpha, 3);
    expect(krippendorffAlpha(units)?.units).toBe(counted);
  });

  it('is 1 for perfect agreement, undefined for a single value, and nothing without pairs', () => {
    expect(krippendorffAlpha(columns('abab', 'abab'))).toEqual({ alpha: 1, observed: 1, units: 4 });
    expect(krippendorffAlpha(columns('aaaa', 'aaaa'))).toEqual({ alpha: null, observed: 1, units: 4 });
    expect(krippendorffAlpha(columns('ab..', '..ab'))).toBeNull();
  });

  it('weights a unit by its values, in observed agreement as in alpha', () => {
    // Of three values 2 of 3 pairs differ, of two none does: Dₒ = (3 · 2/3 + 2 · 0) / 5, Dₑ = 2 · 1 · 4 / (5
    // · 4).
    expect(krippendorffAlpha(columns('yy', 'yy', 'n.'))).toEqual({ alpha: 0, observed: 0.6, units: 2 });
  });

  it('counts resamples without any variation as 0', () => {
    // Perfect agreement, but about one resample in three misses the only "no".
    const units = columns('yyyyyyyyyn', 'yyyyyyyyyn');
    expect(krippendorffAlpha(units)?.alpha).toBe(1);
    expect(alphaInterval(units, 1)).toEqual({ low: 0, high: 1 });
  });

  it('has a seeded interval around it that narrows with more units', () => {
    const units = columns('yynnyyynnynyynynnyyn', 'yynnyynnnynyyyynnyyn');
    const alpha = krippendorffAlpha(units)?.alpha ?? 0;
    const interval = alphaInterval(units, 1);
    expect(interval?.low).toBeLessThan(alpha);
    expect(interval?.high).toBeGreaterThan(alpha);
    expect(alphaInterval(units, 1)).toEqual(interval);
    const many = alphaInterval([...units, ...units, ...units, ...units], 1);
    expect((many?.high ?? 0) - (many?.low ?? 0)).toBeLessThan((interval?.high ?? 0) - (interval?.low ?? 0));
    expect(alphaInterval(units.slice(0, 9), 1)).toBeNull();
  });
});
