// How much two judges agree about the same documents.

import type { Interval } from '../../data/statistics.ts';
import { areaUnderCurve } from './area.ts';
import { spearmanOf } from './spearman.ts';

/** A document's score; null if it is unknown. */
export type Scores = readonly (number | null)[];

export interface JudgeAgreement {
  /** Documents with a score by both. */
  documents: number;
  spearman: number | null;
  /** How well the second judge's scores find the documents that the first one keeps. */
  area: Interval | null;
  /** Documents that each keeps, and those of the first that the second drops. */
  kept: number;
  dropped: number;
}

/** Compares scores of the same documents; each judge keeps its best `keep` of all documents. */
export function compareScores(first: Scores, second: Scores, keep: number): JudgeAgreement {
  const kept = [bestOf(first, keep), bestOf(second, keep)] as const;
  const both = first.flatMap((a, at) => {
    const b = second[at] ?? null;
    return a === null || b === null ? [] : [{ a, b, isKept: kept[0].has(at) }];
  });
  const scoresOf = (isKept: boolean): number[] =>
    both.filter((one) => one.isKept === isKept).map(({ b }) => b);
  return {
    documents: both.length,
    spearman: spearmanOf(
      both.map(({ a }) => a),
      both.map(({ b }) => b),
    ),
    area: areaUnderCurve(scoresOf(true), scoresOf(false)),
    kept: kept[0].size,
    dropped: [...kept[0]].filter((at) => !kept[1].has(at)).length,
  };
}

/** The places of the best documents. Those without a score are never kept; ties keep the documents' order. */
function bestOf(scores: Scores, keep: number): Set<number> {
  const order = orderOf(scores);
  return new Set(order.slice(0, Math.max(1, Math.round(keep * scores.length))));
}

/** The places of the documents with a score, best first. */
function orderOf(scores: Scores): number[] {
  return scores
    .flatMap((score, at) => (score === null ? [] : [{ score, at }]))
    .sort((a, b) => b.score - a.score || a.at - b.at)
    .map(({ at }) => at);
}

export interface Difference {
  at: number;
  /** The share of the documents with a score that the judge ranks lower; ties count half. */
  percentiles: [number, number];
}

/** The documents whose percentiles differ most, largest difference first. */
export function listDifferences(first: Scores, second: Scores, count: number): Difference[] {
  const [a, b] = [percentilesOf(first), percentilesOf(second)];
  const gapOf = ({ percentiles }: Difference): number => Math.abs(percentiles[0] - percentiles[1]);
  return first
    .flatMap((_, at): Difference[] => {
      const [x, y] = [a.get(at), b.get(at)];
      return x === undefined || y === undefined ? [] : [{ at, percentiles: [x, y] }];
    })
    .sort((one, other) => gapOf(other) - gapOf(one) || one.at - other.at)
    .slice(0, count);
}

function percentilesOf(scores: Scores): Map<number, number> {
  const order = orderOf(scores).reverse();
  const found = new Map<number, number>();
  for (let start = 0; start < order.length;) {
    let end = start;
    while (end < order.length && scores[order[end] ?? 0] === scores[order[start] ?? 0]) end++;
    for (const at of order.slice(start, end)) found.set(at, (start + end) / 2 / order.length);
    start = end;
  }
  return found;
}
