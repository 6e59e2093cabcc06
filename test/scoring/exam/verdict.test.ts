// Whether an exam's numbers allow using a judge, and how that is said.

import { describe, expect, it } from '@jest/globals';
import { verdictOf } from '../../../scoring/exam/exam.ts';
import type { Exam, ExamPart, ExamSideResult } from '../../../scoring/exam/exam-result.ts';
import { areaUnderCurve } from '../../../scoring/exam/area.ts';
import { describeVerdict, examError } from '../../../scoring/exam/verdict.ts';

const side = (what: string, unknown: number): ExamSideResult => ({
  what,
  texts: 50,
  unknown: unknown === 0 ? {} : { 'answer mass': unknown },
});

/** 50 texts on each side, in perfect order unless `estimate` says otherwise. */
function topicOf(unknown: [number, number], estimate?: ExamPart['estimate']): ExamPart {
  const scores = (from: number, missing: number): number[] =>
    Array.from({ length: 50 - missing }, (_, at) => from + at);
  return {
    tests: 'topic',
    name: 'space against kitchen',
    for: side('space', unknown[0]),
    against: side('kitchen', unknown[1]),
    measure: 'area under the curve',
    estimate: estimate ?? areaUnderCurve(scores(100, unknown[0]), scores(0, unknown[1])),
    questions: [],
  };
}

function examOf(topic: ExamPart): Exam {
  return {
    version: 2,
    judge: { name: 'space', kind: 'LM-Score', fingerprint: '', model: 'small', modelFingerprint: '' },
    verdict: verdictOf(topic),
    leastArea: 0.6,
    mostUnknown: 0.2,
    interval: '',
    parts: [topic],
    speed: null,
    cost: null,
    notes: [],
  };
}

describe('a verdict', () => {
  it.each<[[number, number], Exam['verdict']]>([
    [[0, 0], 'passed'],
    [[10, 10], 'passed'],
    [[11, 0], 'too few scores'],
    [[0, 11], 'too few scores'],
    // Three scores in perfect order would pass by their area alone.
    [[47, 0], 'too few scores'],
    [[50, 50], 'too few scores'],
  ])('with %j of 50 and 50 texts unknown', (unknown, verdict) => {
    expect(verdictOf(topicOf(unknown))).toBe(verdict);
  });

  it('depends on where the interval lies', () => {
    const verdict = (low: number, high: number): string =>
      verdictOf(topicOf([0, 0], { value: (low + high) / 2, low, high }));
    expect(verdict(0.6, 0.8)).toBe('passed');
    expect(verdict(0.59, 0.8)).toBe('too weak');
    expect(verdict(0.3, 0.49)).toBe('inverted');
    expect(verdict(0.3, 0.5)).toBe('too weak');
  });

  it('says how many texts have no score and how many may', () => {
    expect(examError(examOf(topicOf([47, 1]))).message).toContain(
      'failed its exam (too few scores): it gives no score to 47 of 50 texts that should score high (space) ' +
        'and 1 of 50 texts that should not (kitchen), and at most 20% of either side may have none.',
    );
    expect(describeVerdict(examOf(topicOf([2, 1]))).problem).toMatch(
      /^it tells space from kitchen: area under the curve 1\.000 \(.*\) without 3 texts that it gives no score$/,
    );
  });
});
