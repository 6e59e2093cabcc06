// Sentences that results are told with, where the figures decide what is said.

import { describe, expect, it } from '@jest/globals';
import { describeDrift } from '../../cli/rank-text.ts';
import { describeVerdict } from '../../evaluation/evaluation.ts';
import type { Drift } from '../../ranking/drift.ts';
import { describeFewChunks } from '../../scoring/score-progress.ts';
import { describeLearned } from '../../scoring/scorers/learned.ts';
import { makeEvaluation } from '../server/made-evaluation.ts';
import { betr } from './betr.ts';

function drift(psi: number, before: number, now: number, over: string[] = []): Drift {
  const sources = [{ source: 'web', before, now }];
  return {
    from: 'a',
    to: 'b',
    whole: { documents: 1, tokens: 1, scores: { psi, ks: psi, budgets: [] }, sources },
    fresh: null,
    over,
  };
}

describe('the drift', () => {
  it('has no line where nothing changed', () => {
    expect(describeDrift(drift(0, 0.01621, 0.01622))).toEqual([]);
    expect(describeDrift(drift(0.00001, 1, 1, ['too few']))).toEqual(['  over its threshold: too few']);
  });
  it('names only what changed', () => {
    expect(describeDrift(drift(0, 0.25, 0.5))).toEqual([
      'Drift since a: source "web" from 25% to 50% of the tokens',
    ]);
    expect(describeDrift(drift(0.1, 0.25, 0.25))).toEqual([
      'Drift since a: PSI of the scores 0.100, largest distance 0.100',
    ]);
  });
});

describe('the verdict', () => {
  it('says so where a selection is worse off target', () => {
    const of = makeEvaluation().selections.map((selection) => {
      const { gain } = selection.offTarget.mean;
      return [selection.verdict, gain.high < 0, describeVerdict(selection)];
    });
    expect(of).toContainEqual(['better than random', true, 'better than random on target, worse off target']);
    expect(of).toContainEqual(['no better than random', false, 'no better than random']);
    expect(of.filter(([verdict]) => verdict === 'baseline').every(([, , text]) => text === 'baseline')).toBe(
      true,
    );
  });
});

describe('a classifier that may be no better than chance', () => {
  const notes = (low: number): string[] => {
    const interval = { value: 0.6, low, high: 0.7 };
    const heldOut = { rocAuc: interval, balancedAccuracy: interval, spearman: interval, kept: [] };
    return describeLearned({ outputs: [{ name: 'joint', heldOut }] }, 'these scores');
  };
  it('comes with a warning', () => {
    expect(notes(0.51)).toEqual([
      'A classifier scores the corpus. It learned these scores; its cross-fitted ROC-AUC for the best 10% is 0.600 ' +
        '(0.510–0.700).',
    ]);
    expect(notes(0.5)[1]).toMatch(/did not learn these scores/);
  });
});

describe('more workers than chunks', () => {
  it('is told for slow scorers, with the setting', () => {
    expect(describeFewChunks(3, 2, true)).toEqual([
      expect.stringMatching(/were 2 chunks to score, so only 2 of 3 workers.*scoring\.chunkMegabytes/),
    ]);
    for (const [workers, chunks, slow] of [
      [2, 2, true],
      [undefined, 1, true],
      [2, 1, false],
    ] as const)
      expect(describeFewChunks(workers, chunks, slow)).toEqual([]);
  });
});

it('cutoff --help says what --slices goes without', async () => {
  expect((await betr('.', ['cutoff', '--help'])).stdout.replaceAll(/\s+/g, ' ')).toMatch(
    /--slices .* without --score, --keep and --budget/,
  );
});
