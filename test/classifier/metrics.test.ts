import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { measureFidelity } from '../../classifier/fidelity.ts';
import { labelDocuments } from '../../classifier/labels.ts';
import { balancedAccuracy, measureBest, prepareJudged, rocAuc, spearman } from '../../classifier/metrics.ts';

interface Row {
  score: number;
  target: number;
  top: number;
  weight: number;
}

const rows = fc.array(
  fc.record({
    score: fc.integer({ min: -5, max: 5 }),
    target: fc.integer({ min: 0, max: 6 }),
    top: fc.constantFrom(0, 1),
    weight: fc.integer({ min: 0, max: 3 }),
  }),
  { minLength: 1, maxLength: 40 },
);

/**
 * The rows as metrics take them, and the same rows written out as often as they weigh, for the slow versions.
 */
function both(list: readonly Row[]) {
  const judged = prepareJudged(
    Float32Array.from(list, ({ score }) => score),
    Float64Array.from(list, ({ target }) => target),
    Uint8Array.from(list, ({ top }) => top),
  );
  return {
    judged,
    weights: Uint32Array.from(list, ({ weight }) => weight),
    written: list.flatMap((row) => Array.from({ length: row.weight }, () => row)),
  };
}

function aucByPairs(list: readonly Row[]): number {
  const wins = list
    .filter(({ top }) => top === 1)
    .flatMap((a) =>
      list.filter(({ top }) => top === 0).map((b) => (a.score > b.score ? 1 : a.score === b.score ? 0.5 : 0)),
    );
  return wins.length === 0 ? 0.5 : wins.reduce<number>((sum, win) => sum + win, 0) / wins.length;
}

function spearmanByLists(list: readonly Row[]): number {
  const rank = (values: number[]): number[] =>
    values.map(
      (value) =>
        values.filter((other) => other > value).length +
        (values.filter((other) => other === value).length + 1) / 2,
    );
  const [a, b] = [rank(list.map(({ score }) => score)), rank(list.map(({ target }) => target))];
  const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const covariance = (x: number[], y: number[]): number =>
    mean(x.map((value, i) => (value - mean(x)) * ((y[i] ?? 0) - mean(y))));
  const spread = covariance(a, a) * covariance(b, b);
  return spread > 1e-12 ? covariance(a, b) / Math.sqrt(spread) : 0;
}

describe('metrics', () => {
  it('agree with their slow versions for any weights', () => {
    fc.assert(
      fc.property(rows, (list) => {
        const { judged, weights, written } = both(list);
        expect(rocAuc(judged, weights)).toBeCloseTo(aucByPairs(written), 12);
        if (written.length > 0) expect(spearman(judged, weights)).toBeCloseTo(spearmanByLists(written), 9);
        const share = (label: number): number => {
          const of = written.filter(({ top }) => top === label);
          return of.length === 0
            ? Number.NaN
            : of.filter(({ score }) => score > 0 === (label === 1)).length / of.length;
        };
        const accuracy = (share(0) + share(1)) / 2;
        expect(balancedAccuracy(judged, weights)).toBeCloseTo(Number.isNaN(accuracy) ? 0.5 : accuracy, 12);
      }),
      { numRuns: 300 },
    );
  });

  it('keeps the best by score', () => {
    fc.assert(
      fc.property(rows, fc.constantFrom(0.01, 0.1, 0.3, 1), (list, rate) => {
        const { judged, weights, written } = both(list);
        if (written.length === 0) return;
        const kept = [...written]
          .sort((a, b) => b.score - a.score)
          .slice(0, Math.max(1, Math.round(written.length * rate)));
        const hits = kept.filter(({ top }) => top === 1).length;
        const positives = written.filter(({ top }) => top === 1).length;
        const { precision, recall } = measureBest(judged, weights, rate);
        expect(precision).toBeCloseTo(hits / kept.length, 12);
        expect(recall).toBeCloseTo(positives === 0 ? 0 : hits / positives, 12);
      }),
    );
  });

  it('gives intervals around the value, the same for the same seed', () => {
    const list = Array.from({ length: 400 }, (_, i) => ({
      score: Math.sin(i * 7) + (i < 40 ? 1 : 0),
      target: -i,
      top: i < 40 ? 1 : 0,
      weight: 1,
    }));
    const { judged } = both(list);
    const fidelity = measureFidelity(judged, 3);
    expect(measureFidelity(judged, 3)).toEqual(fidelity);
    expect(fidelity.rocAuc.value).toBeCloseTo(aucByPairs(list), 12);
    for (const { value, low, high } of [
      fidelity.rocAuc,
      fidelity.spearman,
      fidelity.balancedAccuracy,
      ...fidelity.kept.flatMap(({ precision, recall }) => [precision, recall]),
    ]) {
      expect(low).toBeLessThanOrEqual(value);
      expect(high).toBeGreaterThanOrEqual(value);
    }
    expect(fidelity.rocAuc.high - fidelity.rocAuc.low).toBeGreaterThan(0.03);
    expect(fidelity.kept.map(({ keep }) => keep)).toEqual([0.01, 0.03, 0.1, 0.3]);
  });
});

describe('labels', () => {
  it('are the best tenth, ties by the order of documents, and softened by rank', () => {
    const { top, soft } = labelDocuments(Float64Array.from({ length: 20 }, (_, i) => i));
    expect([...top].map((label, i) => (label === 1 ? i : -1)).filter((i) => i >= 0)).toEqual([18, 19]);
    expect(soft[19]).toBeCloseTo(0.1 / (0.1 + 0.5 / 20), 6);
    expect([...soft].every((label, i) => i === 0 || label > (soft[i - 1] ?? 1))).toBe(true);
    const tied = labelDocuments(new Float64Array(20));
    expect([...tied.top.subarray(0, 3)]).toEqual([1, 1, 0]);
    expect(new Set(tied.soft).size).toBe(1);
  });
});
