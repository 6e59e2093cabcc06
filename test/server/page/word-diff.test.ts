import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { compareWords, type Part } from '../../../server/page/word-diff.ts';

/** The slow and obvious way. */
function longestCommon(left: readonly string[], right: readonly string[]): number {
  const [first, ...leftRest] = left;
  const [second, ...rightRest] = right;
  if (first === undefined || second === undefined) return 0;
  return first === second
    ? 1 + longestCommon(leftRest, rightRest)
    : Math.max(longestCommon(leftRest, right), longestCommon(left, rightRest));
}

const words = (text: string): string[] => text.match(/\S/gu) ?? [];
const same = (parts: readonly Part[]): string[] =>
  parts.filter(({ differs }) => !differs).flatMap(({ text }) => words(text));

describe('compareWords', () => {
  it('marks what is outside of a longest common subsequence, and loses no character', () => {
    const text = fc
      .array(fc.constantFrom('a ', 'b', '\n', '. ', '🙂'), { maxLength: 7 })
      .map((parts) => parts.join(' '));
    fc.assert(
      fc.property(text, text, (left, right) => {
        const difference = compareWords(left, right);
        expect(difference.left.map((part) => part.text).join('')).toBe(left);
        expect(difference.right.map((part) => part.text).join('')).toBe(right);
        const common = same(difference.left);
        expect(same(difference.right)).toEqual(common);
        expect(common.length).toBe(longestCommon(words(left), words(right)));
        const shorter = Math.min(words(left).length, words(right).length);
        expect(difference.common).toBe(shorter === 0 ? 0 : common.length / shorter);
      }),
    );
  });

  it('takes spaces between two differing words for a part of them', () => {
    const { left, right } = compareWords('The answer is 7, I think.', 'The answer is not a number.');
    expect(left).toEqual([
      { text: 'The answer is ', differs: false },
      { text: '7, I think', differs: true },
      { text: '.', differs: false },
    ]);
    expect(right[1]).toEqual({ text: 'not a number', differs: true });
  });

  it('gives up on texts that would take long', () => {
    const long = 'word '.repeat(3000);
    expect(compareWords(long, long).common).toBe(0);
  });
});
