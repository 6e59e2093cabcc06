import { describe, expect, it } from '@jest/globals';
import { drawHeldOut } from '../../../evaluation/pair-trials/held-out.ts';
import {
  joinVerdicts,
  lengthControlled,
  resamplePrompts,
  winRate,
} from '../../../evaluation/pair-trials/win-rates.ts';
import { openRandom } from '../../../data/seeded-random.ts';

const verdict = (id: number, first: number | null, characters = 10, otherCharacters = 10) => ({
  ...{ id: `${id}`, first, second: first, characters, otherCharacters },
});

describe('win rates', () => {
  it('are the mean over both orders, on prompts that all models share', () => {
    const { judged, prompts, out } = joinVerdicts([
      [{ ...verdict(1, 1), second: 0 }, verdict(2, 0.9), verdict(3, 0.2)],
      [verdict(3, 0.4), verdict(2, null), verdict(1, 0)],
    ]);
    expect([prompts, out]).toEqual([2, 1]);
    const counts = new Float64Array(2).fill(1);
    expect(judged.map((model) => winRate(model, counts))).toEqual([0.35, 0.2]);
  });

  it('take the effect of length out', () => {
    // A judge that prefers the longer answer, and nothing else; the model's answers are longer in 3 of 4 cases.
    const verdicts = Array.from({ length: 400 }, (_, i) =>
      i % 4 === 0 ? verdict(i, 0.2, 100, 200) : verdict(i, 0.8, 200, 100),
    );
    const { judged, prompts } = joinVerdicts([verdicts]);
    const [model] = judged;
    const counts = new Float64Array(prompts).fill(1);
    expect(model && winRate(model, counts)).toBeCloseTo(0.65, 6);
    expect(model && lengthControlled(model, counts)).toBeCloseTo(0.5, 2);
  });

  it('equal the plain ones where lengths are equal, also where one side always wins', () => {
    for (const share of [0.3, 1]) {
      const { judged, prompts } = joinVerdicts([[1, 2, 3, 4].map((id) => verdict(id, share))]);
      const [model] = judged;
      expect(model && lengthControlled(model, new Float64Array(prompts).fill(1))).toBeCloseTo(share, 2);
    }
  });

  it('have intervals that hold the truth about as often as they say', () => {
    const random = openRandom(7);
    let held = 0;
    for (let trial = 0; trial < 60; trial++) {
      const { judged, prompts } = joinVerdicts([
        Array.from({ length: 80 }, (_, id) => verdict(id, random() < 0.6 ? 1 : 0)),
      ]);
      const { samples } = resamplePrompts(judged, prompts, winRate, trial);
      const sorted = samples.map(([value = 0]) => value).sort((a, b) => a - b);
      if ((sorted[25] ?? 0) <= 0.6 && (sorted[974] ?? 0) >= 0.6) held++;
    }
    expect(held).toBeGreaterThan(51);
  });
});

describe('held-out pairs', () => {
  it('are whole groups of usable pairs, at most as many as are wanted', () => {
    const groups = Uint32Array.from({ length: 100 }, (_, pair) => (pair < 40 ? 0 : pair - (pair % 3)));
    const isUsable = Uint8Array.from({ length: 100 }, (_, pair) => (pair % 10 === 9 ? 0 : 1));
    const { isHeld, firsts, count, notes } = drawHeldOut(groups, isUsable, 12, 1);
    expect(count).toBe(isHeld.reduce((sum, one) => sum + one, 0));
    expect(count).toBeGreaterThan(8);
    expect(count).toBeLessThanOrEqual(12);
    const heldGroups = new Set([...groups].filter((_, pair) => isHeld[pair] === 1));
    expect(heldGroups.size).toBe(firsts.length);
    for (const [pair, group] of groups.entries())
      expect(isHeld[pair]).toBe(heldGroups.has(group) && isUsable[pair] === 1 ? 1 : 0);
    expect(heldGroups.has(0)).toBe(false);
    expect(notes[0]).toContain('nearly the same prompt');
  });
});
