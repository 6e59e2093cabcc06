// Two judges on the same documents.

import { describe, expect, it } from '@jest/globals';
import { compareScores, listDifferences } from '../../../scoring/exam/agreement.ts';

describe('compareScores', () => {
  it('counts the kept documents that another judge would drop', () => {
    const first = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1, 0];
    const second = [0.9, 0.1, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.8, 0];
    const agreement = compareScores(first, second, 0.2);
    expect(agreement).toMatchObject({ documents: 10, kept: 2, dropped: 1 });
    // Ranks differ by 7 for two documents: 1 - 6 · (7² + 7²) / (10 · 99).
    expect(agreement.spearman).toBeCloseTo(1 - (6 * 98) / 990, 12);
    // Kept by the first: 0.9, above all eight others, and 0.1, above one.
    expect(agreement.area?.value).toBeCloseTo(9 / 16, 12);
    expect(compareScores(first, first, 0.2)).toMatchObject({ kept: 2, dropped: 0, spearman: 1 });
  });

  it('tells scores apart that differ little', () => {
    const close = [1 - 1e-12, 1 - 2e-12, 1 - 3e-12, 1 - 4e-12];
    expect(compareScores(close, [4, 3, 2, 1], 0.5)).toMatchObject({
      spearman: 1,
      dropped: 0,
      area: { value: 1 },
    });
    expect(compareScores([4, 3, 2, 1], close, 0.5)).toMatchObject({
      spearman: 1,
      dropped: 0,
      area: { value: 1 },
    });
  });

  it('leaves out documents without a score and never keeps them', () => {
    const agreement = compareScores([0.9, null, 0.5, 0.1], [null, 1, 0.5, 0.1], 0.5);
    expect(agreement).toMatchObject({ documents: 2, kept: 2, dropped: 1, spearman: 1 });
    expect(compareScores([null, null], [1, 0], 0.5)).toEqual({
      documents: 0,
      spearman: null,
      area: null,
      kept: 0,
      dropped: 0,
    });
  });
});

describe('listDifferences', () => {
  it('lists the documents whose percentiles differ most', () => {
    expect(listDifferences([1, 2, 3, 4], [4, 2, 3, 1], 2)).toEqual([
      { at: 0, percentiles: [0.125, 0.875] },
      { at: 3, percentiles: [0.875, 0.125] },
    ]);
    expect(listDifferences([5, 5, 5], [1, null, 2], 5)).toEqual([
      { at: 0, percentiles: [0.5, 0.25] },
      { at: 2, percentiles: [0.5, 0.75] },
    ]);
  });
});
