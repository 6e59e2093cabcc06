import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { boundMultiplier, findMultiplier } from '../../../evaluation/trials/multiplier.ts';

describe('findMultiplier', () => {
  const curve = (scale: number): { flops: number; loss: number }[] =>
    [1, 2, 4, 8].map((flops) => ({ flops, loss: 4 * (scale * flops) ** -0.1 }));

  it('finds how much more compute no filter needs', () => {
    fc.assert(
      fc.property(fc.double({ min: 0.3, max: 3, noNaN: true }), (scale) => {
        const found = findMultiplier(curve(scale), curve(1));
        // On a power law, straight lines in log compute are near the curve.
        expect(found?.kind).toBe('is');
        expect(Math.abs(Math.log((found?.times ?? NaN) / scale))).toBeLessThan(0.02);
      }),
    );
  });

  it('equals a walk along both curves in small steps', () => {
    const decreasing = fc
      .array(fc.double({ min: 0.01, max: 1, noNaN: true }), { minLength: 2, maxLength: 5 })
      .map((drops) =>
        drops.reduce<{ flops: number; loss: number }[]>(
          (points, drop, i) => [...points, { flops: 2 ** i, loss: (points.at(-1)?.loss ?? 5) - drop }],
          [],
        ),
      );
    const walk = (points: readonly { flops: number; loss: number }[], loss: number): number => {
      for (let step = 0; step <= 4000; step++) {
        const at = ((points.length - 1) * step) / 4000;
        const [from, to] = [points[Math.floor(at)], points[Math.min(points.length - 1, Math.floor(at) + 1)]];
        const share = at - Math.floor(at);
        if ((from?.loss ?? 0) * (1 - share) + (to?.loss ?? 0) * share <= loss + 1e-12)
          return step === 0 && (from?.loss ?? 0) < loss - 1e-12 ? NaN : 2 ** at;
      }
      return NaN;
    };
    fc.assert(
      fc.property(decreasing, decreasing, (arm, base) => {
        const target = Math.max(arm.at(-1)?.loss ?? 0, base.at(-1)?.loss ?? 0);
        const found = findMultiplier(arm, base);
        const slow = walk(base, target) / walk(arm, target);
        if (found?.kind === 'is') expect(Math.abs(Math.log(found.times / slow))).toBeLessThan(0.01);
        else expect(slow).toBeNaN();
      }),
    );
  });

  it('says where one curve is better from the start', () => {
    const better = curve(1).map(({ flops, loss }) => ({ flops, loss: loss - 2 }));
    expect(findMultiplier(better, curve(1))).toEqual({ kind: 'above', times: 8 });
    expect(findMultiplier(curve(1), better)).toEqual({ kind: 'below', times: 1 / 8 });
    expect(findMultiplier([], better)).toBeUndefined();
    expect(boundMultiplier([{ kind: 'above', times: 8 }])).toEqual({ low: null, high: null });
    expect(boundMultiplier([{ kind: 'is', times: 2 }])).toEqual({ low: 2, high: 2 });
  });
});
