import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { replyOf } from '../../../indexer/judges/ask.ts';
import { readQuestions } from '../../../indexer/judges/questions.ts';
import { scoreReply } from '../../../indexer/judges/reply-score.ts';
import {
  combineQuestions,
  combineWindows,
  cutWindows,
  judgeAnswers,
  judgeScale,
  logSumExp,
  ratio,
} from '../../../indexer/targets/lm-score.ts';
import { judgeSchema } from '../../../run/judge-settings.ts';
import { plainQuestion } from '../judges/judge-run.ts';
import { findShared } from '../../shared/find.ts';

describe('a question', () => {
  it('is scored by the ratio of its answers', () => {
    expect(ratio(-0.2, -1.8)).toBeCloseTo(0.832018, 6);
    expect(ratio(-3, -0.1)).toBeCloseTo(0.052154, 6);
    expect(ratio(0.3, 0.3)).toBe(0.5);
    // Logits may be any numbers.
    expect(ratio(900, -900)).toBe(1);
    expect(ratio(-900, 900)).toBe(0);
  });

  it('counts every spelling', () => {
    const yes = [Math.log(0.3), Math.log(0.2), null];
    const no = [Math.log(0.1)];
    const { score, mass } = judgeAnswers(yes, no);
    expect(mass).toBeCloseTo(0.6, 12);
    expect(score).toBeCloseTo(5 / 6, 12);
  });

  it('has no score where its answers have too little probability', () => {
    expect(judgeAnswers([Math.log(0.02)], [Math.log(0.029)])).toMatchObject({
      score: null,
    });
    expect(judgeAnswers([Math.log(0.02)], [Math.log(0.029)], 0.001).score).toBeCloseTo(20 / 49, 12);
    // With nothing told there is nothing to score, whatever the limit.
    expect(judgeAnswers([null], [null], 0)).toEqual({
      score: null,
      mass: 0,
    });
    expect(judgeAnswers([Math.log(0.9)], [null])).toMatchObject({ score: 1 });
  });

  it('on a scale has the expected value', () => {
    const scale = [0, 1, 2, 3, 4, 5].map((value) => ({
      value,
      spellings: [Math.log(value === 5 ? 0.3 : 0.04), null],
    }));
    expect(judgeScale(scale)).toEqual({
      value: expect.closeTo((5 * 0.3 + 10 * 0.04) / 0.5, 12),
      mass: expect.closeTo(0.5, 12),
    });
    expect(judgeScale(scale, 0.6).value).toBeNull();
  });

  const file = findShared('golden', 'language-model', 'smollm2-135m.json');
  (file === undefined ? it.skip : it)('has the reference scores of a real model', () => {
    const [asked] = readQuestions(
      judgeSchema.parse({ name: 'judge', model: 'm', questions: [plainQuestion] }),
      false,
    );
    if (asked === undefined) throw new Error('no question');
    const answers = z.record(z.string(), z.number());
    const numbers = z.object({
      yes: answers,
      no: answers,
      mass: z.number(),
      score: z.number(),
      score_max: z.number(),
    });
    const { yes_no: rows } = z
      .object({ yes_no: z.array(z.object({ float: numbers, q8: numbers })).min(6) })
      .parse(JSON.parse(readFileSync(file ?? '', 'utf8')));
    for (const { yes, no, mass, score, score_max: maximum } of rows.flatMap((row) => [row.float, row.q8])) {
      const { question } = scoreReply(asked, replyOf([Object.values(yes), Object.values(no)]));
      expect(question.mass).toBeCloseTo(mass, 5);
      expect(question.score).toBeCloseTo(score, 5);
      expect(question.scoreByMaximum).toBeCloseTo(maximum, 5);
    }
  });

  it('sums probabilities far below what a number holds', () => {
    expect(logSumExp([-2000, -2000])).toBeCloseTo(-2000 + Math.LN2, 9);
    expect(logSumExp([null, null])).toBe(-Infinity);
  });
});

describe('several questions', () => {
  const questions = (...scores: (number | null)[]) => scores.map((score) => ({ score, weight: 1 }));

  it('are multiplied, as in the paper', () => {
    for (const [first, second, product] of [
      [0.987, 0.662, 0.653],
      [0.991, 0.954, 0.946],
      [0.985, 0.863, 0.85],
      [0.95, 0.737, 0.7],
    ]) {
      expect(
        Math.abs((combineQuestions(questions(first ?? 0, second ?? 0), 'product') ?? 0) - (product ?? 0)),
      ).toBeLessThan(1e-3);
    }
    expect(combineQuestions(questions(ratio(-0.2, -1.8), ratio(-3, -0.1)), 'product')).toBeCloseTo(
      0.043393,
      6,
    );
  });

  it('can count by the lowest, or by their weighted geometric mean', () => {
    expect(combineQuestions(questions(0.9, 0.4), 'minimum')).toBe(0.4);
    expect(combineQuestions(questions(0.9, 0.4), 'geometric mean')).toBeCloseTo(0.6, 12);
    const weighted = [
      { score: 0.8, weight: 3 },
      { score: 0.1, weight: 1 },
      { score: 0, weight: 0 },
    ];
    expect(combineQuestions(weighted, 'geometric mean')).toBeCloseTo((0.8 ** 3 * 0.1) ** 0.25, 12);
    expect(combineQuestions(questions(0, 0.4), 'geometric mean')).toBe(0);
  });

  it('have no score where one has none', () => {
    for (const how of ['product', 'minimum', 'geometric mean'] as const) {
      expect(combineQuestions(questions(0.9, null), how)).toBeNull();
      expect(combineQuestions([], how)).toBeNull();
    }
  });
});

describe('windows', () => {
  it('are within the text and the length, and cut no character', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', ' ', '😀'), maxLength: 60 });
    fc.assert(
      fc.property(
        text,
        fc.integer({ min: 2, max: 12 }),
        fc.constantFrom('begin', 'spread', 'all'),
        (one, characters, choice) => {
          const windows = cutWindows(one, characters, choice);
          for (const { from, to } of windows) {
            expect(to - from).toBeLessThanOrEqual(characters);
            expect(one.slice(from, to).isWellFormed()).toBe(true);
          }
          expect(windows[0]?.from).toBe(0);
          if (choice === 'begin') expect(windows).toHaveLength(1);
          else expect(windows.at(-1)?.to).toBe(one.length);
          if (choice === 'all') expect(windows.map(({ from, to }) => one.slice(from, to)).join('')).toBe(one);
        },
      ),
    );
  });

  it('are the beginning, the middle and the end of a long text', () => {
    expect(cutWindows('0123456789', 2, 'spread')).toEqual([
      { from: 0, to: 2 },
      { from: 4, to: 6 },
      { from: 8, to: 10 },
    ]);
    expect(cutWindows('01234', 2, 'spread')).toEqual(cutWindows('01234', 2, 'all'));
    expect(cutWindows('0123', 4096, 'all')).toEqual([{ from: 0, to: 4 }]);
  });

  it('count by their length, and those without a score do not', () => {
    expect(
      combineWindows([
        { score: 0.9, length: 3000 },
        { score: 0.1, length: 1000 },
      ]),
    ).toBeCloseTo(0.7, 12);
    expect(
      combineWindows([
        { score: 0.9, length: 3000 },
        { score: null, length: 1000 },
      ]),
    ).toBe(0.9);
    expect(combineWindows([{ score: null, length: 1000 }])).toBeNull();
  });
});
