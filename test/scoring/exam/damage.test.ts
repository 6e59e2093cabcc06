// Damaged copies: the same words, worse to read.

import { describe, expect, it } from '@jest/globals';
import { addBoilerplate, joinSentences, shuffleSentences } from '../../../scoring/exam/damage.ts';

const text = 'A sum is even.\nWhy? Let n be odd. Then n + 1 is even, as 3.5 is not whole. Q.E.D. follows.';

describe('damage', () => {
  it('shuffles whole sentences, the same way for the same seed', () => {
    const shuffled = shuffleSentences(text, 1);
    expect(shuffled).toBe(shuffleSentences(text, 1));
    expect(shuffled).not.toBe(joinSentences(text));
    const words = (one = ''): string[] => one.split(/\s+/).sort();
    expect(words(shuffled)).toEqual(words(text));
    expect(shuffled).toContain('Then n + 1 is even, as 3.5 is not whole.');
  });

  it('leaves texts of few sentences, or of one sentence repeated, undamaged', () => {
    expect(shuffleSentences('One. Two. Three.', 1)).toBeUndefined();
    expect(shuffleSentences('', 1)).toBeUndefined();
    expect(shuffleSentences('Same. Same. Same. Same. Same.', 1)).toBeUndefined();
  });

  it('puts the parts of a web page between the sentences and keeps all of them', () => {
    const lines = addBoilerplate(text).split('\n');
    expect(lines).toEqual([
      expect.stringMatching(/^Home \|/),
      'A sum is even. Why?',
      expect.stringContaining('cookies'),
      'Let n be odd. Then n + 1 is even, as 3.5 is not whole.',
      expect.stringContaining('newsletter'),
      'Q.E.D. follows.',
      expect.stringContaining('All rights reserved'),
    ]);
    expect(addBoilerplate('')).toContain('cookies');
  });
});
