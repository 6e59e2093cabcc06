import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import {
  computeMultiplier,
  coreAccuracy,
  coreTasks,
  crossover,
  fitOf,
  optimalParams,
  testedRates,
} from '../../../ranking/budget/paper-fits.ts';

const shared = process.env['BETR_SHARED'] ?? join(process.cwd(), '../shared');
const golden = join(shared, 'golden/betr-scaling-fits.json');
if (!existsSync(golden)) console.log(`skipped: ${golden} is absent`);

describe("the paper's fits", () => {
  (existsSync(golden) ? it : it.skip)('are transcribed as in Tables 12 and 13', () => {
    const tables = z
      .object({ keep_pct: z.record(z.string(), z.record(z.string(), z.record(z.string(), z.number()))) })
      .parse(JSON.parse(readFileSync(golden, 'utf8')));
    for (const rate of testedRates) {
      const table = tables.keep_pct[String(100 * rate)] ?? {};
      expect(Object.keys(table).sort()).toEqual([...coreTasks, 'VAL'].sort());
      for (const [task, fit] of Object.entries(table)) {
        expect(fitOf(rate, task)).toEqual(
          ['a', 'b', 'e', 'alpha', 'beta', 'c1', 'c2', 'k', 'L0']
            .map((key) => fit[key])
            .filter((value) => value !== undefined),
        );
      }
    }
  });

  const accuracies: [number, number[]][] = [
    [1e19, [42.8, 41.6, 39.5, 37.0]],
    [1e20, [50.6, 49.8, 47.7, 44.4]],
    [1e21, [57.6, 57.4, 56.0, 52.3]],
    [1e22, [63.0, 63.3, 62.9, 59.3]],
    [1e23, [66.8, 67.4, 67.9, 64.6]],
    [1e24, [69.4, 70.1, 71.3, 68.4]],
  ];
  it.each(accuracies)('give the mean Core accuracy of %d FLOPs at each rate', (flops, expected) => {
    for (const [index, rate] of testedRates.entries())
      expect(Math.abs(100 * coreAccuracy(rate, flops) - (expected[index] ?? 0))).toBeLessThan(0.1);
  });

  it('change the best rate where the paper does', () => {
    expect(Math.abs(Math.log10(crossover(0.03, 0.1) ?? 0) - 21.47)).toBeLessThan(0.02);
    expect(Math.abs(Math.log10(crossover(0.1, 0.3) ?? 0) - 22.38)).toBeLessThan(0.02);
    expect(crossover(0.3, 1)).toBeUndefined();
  });

  it('value the best 10% at 4.7 times the compute of no filter', () => {
    expect(Math.abs(computeMultiplier(0.1) - 4.75)).toBeLessThan(0.05);
  });

  it('have an optimum of parameters that no other size beats, at 10 to 12 tokens a parameter', () => {
    const params = optimalParams(0.1, 1e20);
    expect(1e20 / (6 * params) / params).toBeGreaterThan(10);
    expect(1e20 / (6 * params) / params).toBeLessThan(12);
    const [a = 0, b = 0, , alpha = 0, beta = 0] = fitOf(0.1, 'VAL') ?? [];
    const loss = (n: number): number => Math.exp(a) / n ** alpha + Math.exp(b) / (1e20 / (6 * n)) ** beta;
    for (const factor of [0.5, 0.9, 1.1, 2]) expect(loss(params)).toBeLessThan(loss(factor * params));
  });
});
