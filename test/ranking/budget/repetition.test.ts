import { describe, expect, it } from '@jest/globals';
import { countRepetition, effectiveTokens } from '../../../ranking/budget/repetition.ts';

describe('repeated tokens (Muennighoff 2023)', () => {
  it.each([
    [1, 1],
    [2, 0.984],
    [4, 0.931],
    [8, 0.828],
    [10, 0.781],
    [16, 0.661],
    [40, 0.379],
  ])('%d epochs are worth %d a token', (epochs, worth) => {
    expect(Number((effectiveTokens(1e9, epochs * 1e9) / (epochs * 1e9)).toFixed(3))).toBe(worth);
  });

  it('counts one epoch if the model does not see all kept tokens', () => {
    expect(countRepetition(1e9, 0.1, 1e12)).toEqual({ epochs: 1, effectiveTokens: 1e9 });
  });
});
