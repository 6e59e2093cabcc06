import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { openRandom } from '../../data/seeded-random.ts';
import { splitGroups } from '../../pairs/folds.ts';
import { openPromptGrouper } from '../../pairs/similar-prompts.ts';

function groupsOf(prompts: readonly string[]): number[] {
  const grouper = openPromptGrouper(prompts.length);
  for (const [at, prompt] of prompts.entries()) grouper.add(prompt, BigInt(at));
  return Array.from(grouper.groups());
}

/** Random text of this many words. */
function textOf(words: number, random: () => number): string[] {
  return Array.from({ length: words }, () => `w${Math.floor(1e4 * random())}`);
}

describe('similar prompts', () => {
  it.each([
    ['equal ones', 'Name a river', 'Name a river', true],
    ['other case, punctuation and spaces', 'Name a river!', ' name  A RIVER ', true],
    ['other words', 'Name a river', 'Name a mountain', false],
    ['fewer words', 'Name a', 'Name', false],
    ['no words, and some', '???', 'Name', false],
    ['no words', '???', '', true],
    ['no spaces between words', '物体は収縮を続け', '物体は収縮を続け。', true],
    ['no spaces, other words', '物体は収縮を続け', '彼らは昨日それを', false],
  ])('%s: %j and %j', (_, a, b, together) => {
    expect(groupsOf([a, b])).toEqual(together ? [0, 0] : [0, 1]);
  });

  it('are together if they have the same key', () => {
    const grouper = openPromptGrouper(3);
    for (const [prompt, key] of [
      ['one', 5n],
      ['two', 6n],
      ['three', 5n],
    ] as const)
      grouper.add(prompt, key);
    expect(Array.from(grouper.groups())).toEqual([0, 1, 0]);
  });

  it('are together as often as the overlap of their 3-grams says', () => {
    const random = openRandom(1);
    // Replacing 1 in 100 words changes 3 of 98 3-grams: 94% are shared. Replacing 12 shares 55% or less.
    const together = (replaced: number): number => {
      const found = Array.from({ length: 200 }, () => {
        const words = textOf(100, random);
        const other = words.map((word, i) => (i % Math.floor(100 / replaced) === 7 ? 'other' : word));
        return groupsOf([words.join(' '), other.join(' ')])[1] === 0;
      });
      return found.filter(Boolean).length / found.length;
    };
    expect(together(1)).toBeGreaterThan(0.98);
    expect(together(12)).toBeLessThan(0.12);
  });

  it('that meet through a third are in one group, and strangers in none', () => {
    const words = textOf(200, openRandom(2));
    const [a, b, c] = [words, words.with(50, 'x'), words.with(50, 'x').with(120, 'y')];
    const strangers = Array.from({ length: 500 }, (_, seed) =>
      textOf(3 + (seed % 40), openRandom(seed + 10)),
    );
    const groups = groupsOf([...strangers, c, a, b].map((list) => list.join(' ')));
    expect(groups.slice(500)).toEqual([500, 500, 500]);
    expect(new Set(groups).size).toBe(501);
  });
});

describe('splits', () => {
  it('keep groups together, in halves as equal as groups allow', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 30 }), { minLength: 2, maxLength: 200 }),
        fc.integer(),
        (labels, seed) => {
          fc.pre(new Set(labels).size > 1);
          const groups = Uint32Array.from(labels, (label) => labels.indexOf(label));
          const { halves, largest } = splitGroups(groups, 'feedback', seed);
          expect(halves).toHaveLength(3);
          for (const half of halves) {
            for (const [pair, group] of groups.entries()) expect(half[pair]).toBe(half[group]);
            const inOne = half.reduce((sum, one) => sum + one, 0);
            expect(Math.abs(labels.length - 2 * inOne)).toBeLessThanOrEqual(largest.pairs);
            expect(new Set(half).size).toBe(2);
          }
          expect(splitGroups(groups, 'feedback', seed).halves).toEqual(halves);
        },
      ),
    );
  });

  it('differ between splits and between seeds', () => {
    const groups = Uint32Array.from({ length: 1000 }, (_, pair) => pair);
    const splits = [1, 2].flatMap((seed) => splitGroups(groups, 'feedback', seed).halves);
    for (const [a, one] of splits.entries()) {
      for (const other of splits.slice(a + 1)) {
        const same = one.filter((half, pair) => half === other[pair]).length;
        // Five standard deviations around half of them.
        expect(Math.abs(same - 500)).toBeLessThan(80);
      }
    }
  });

  it('say when one prompt has half of all pairs, and refuse only one prompt', () => {
    const half = Uint32Array.from([0, 0, 0, 0, 0, 5, 6, 7, 8, 9]);
    const { notes, largest, halves } = splitGroups(half, 'feedback', 1);
    expect(largest).toEqual({ pairs: 5, first: 0 });
    expect(notes.join()).toContain('5 of 10 pairs (50%) have nearly the same prompt');
    expect(halves[0]?.reduce((sum, one) => sum + one, 0)).toBe(5);
    expect(() => splitGroups(new Uint32Array(10), 'feedback', 1)).toThrow(/cannot be split/);
  });
});
