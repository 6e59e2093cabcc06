// What answers say: precision by slice and as a whole, agreement, and the cutoff for a precision.

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { AnswerWord, Decision } from '../../../evaluation/audit/decisions.ts';
import { queueOf } from '../../../evaluation/audit/queue.ts';
import { auditResult } from '../../../evaluation/audit/result.ts';
import { answersTo, decision, decisionsOf, makeAudit } from './made-audit.ts';

describe('the result of an audit', () => {
  it('weights slices by their documents, as an independent program does', () => {
    const audit = makeAudit([1000, 3000, 6000], 12);
    // Of the first slice 9 of 10, of the second 7.5 of 12 (people disagree on one), of the third 1 of 11.
    const result = auditResult(
      audit,
      decisionsOf([
        ...answersTo(36, (at) => {
          if (at < 12) return at < 9 ? 'yes' : at === 9 ? 'no' : at === 10 ? 'cannot tell' : undefined;
          if (at < 24) return at < 20 ? 'yes' : 'no';
          return at === 24 ? 'yes' : at < 35 ? 'no' : 'cannot tell';
        }),
        decision('Bo', 'd-12', 'no'),
      ]),
    );
    expect(
      result.slices.map(({ judged, yes, cannotTell, unanswered }) => [judged, yes, cannotTell, unanswered]),
    ).toEqual([
      [10, 9, 1, 1],
      [12, 7.5, 0, 0],
      [11, 1, 1, 0],
    ]);
    expect(result.slices[0]?.precision).toEqual({
      value: 0.9,
      low: expect.closeTo(0.5958499732047615, 10),
      high: expect.closeTo(0.9821237869049271, 10),
    });
    expect(result.precision?.value).toBeCloseTo(0.33204545454545453, 10);
    expect(result.precision?.low).toBeCloseTo(0.23445259969810342, 10);
    expect(result.precision?.high).toBeCloseTo(0.5152826997198576, 10);
    expect(result.precision?.covers).toBe(1);
    expect(result.people).toEqual([
      { person: 'Ada', yes: 18, no: 15, cannotTell: 2 },
      { person: 'Bo', yes: 0, no: 1, cannotTell: 0 },
    ]);
    expect(result.sources.map(({ source, judged }) => [source, judged])).toEqual([
      ['web', 17],
      ['books', 16],
    ]);
  });

  it('weights the slices of a source by their documents, however many were answered', () => {
    // One source in two equal slices, 10 documents drawn from each: 10 yes of 10, and 0 of 2.
    const audit = makeAudit([500, 500], 10);
    const oneSource = { ...audit, drawn: audit.drawn.map((drawn) => ({ ...drawn, source: 'web' })) };
    const result = auditResult(
      oneSource,
      decisionsOf(answersTo(20, (at) => (at < 10 ? 'yes' : at < 12 ? 'no' : undefined))),
    );
    expect(result.precision?.value).toBeCloseTo(0.5, 12);
    expect(result.sources[0]?.precision?.value).toBeCloseTo(0.5, 12);
    // Kish: 12 answers, ten of weight 50 and two of 250, are worth 1000² / 150 000 = 6.67. Wilson for half of them:
    expect(result.sources[0]?.precision?.low).toBeCloseTo(0.1976879417499836, 10);
  });

  it('has the precision of sources that a slow computation gives, whatever is answered', () => {
    const given = fc.constantFrom<AnswerWord | undefined>('yes', 'no', 'cannot tell', undefined);
    fc.assert(
      fc.property(fc.array(given, { minLength: 36, maxLength: 36 }), (all) => {
        const [documents, perSlice] = [[1000, 3000, 6000], 12];
        const audit = makeAudit(documents, perSlice);
        const { sources } = auditResult(audit, decisionsOf(answersTo(36, (at) => all[at])));
        for (const [parity, source] of ['web', 'books'].entries()) {
          // Every answer of the source, as often as its slice has documents for each of its answers.
          let [yes, weights] = [0, 0];
          for (const [slice, size] of documents.entries()) {
            const own = all.slice(slice * perSlice, (slice + 1) * perSlice);
            const answered = own.filter((one) => one === 'yes' || one === 'no').length;
            for (const [at, one] of own.entries()) {
              if (at % 2 !== parity || (one !== 'yes' && one !== 'no')) continue;
              weights += size / answered;
              if (one === 'yes') yes += size / answered;
            }
          }
          const found = sources.find((one) => one.source === source)?.precision ?? null;
          if (weights === 0) expect(found).toBeNull();
          else expect(found?.value).toBeCloseTo(yes / weights, 12);
        }
      }),
    );
  });

  it('says that the middle one of an odd number of slices is in neither half', () => {
    const audit = makeAudit([100, 100, 100], 20);
    const answers = (middle: AnswerWord): Decision[] =>
      answersTo(60, (at) => (at < 20 ? 'yes' : at < 40 ? middle : 'no'));
    const [yes, no] = [
      auditResult(audit, decisionsOf(answers('yes'))),
      auditResult(audit, decisionsOf(answers('no'))),
    ];
    expect(yes.difference).toEqual(no.difference);
    expect(yes.notes).toContain('The middle one of 3 slices is in neither half of the scores.');
  });

  it('says what is missing', () => {
    const audit = makeAudit([100, 100], 20);
    const none = auditResult(audit, decisionsOf([]));
    expect(none).toMatchObject({ precision: null, difference: null, agreement: null, unanswered: 40 });
    expect(none.notes).toEqual(['No document has a yes or no yet.']);
    const half = auditResult(audit, decisionsOf(answersTo(20, () => 'yes')));
    expect(half.precision).toMatchObject({ value: 1, covers: 0.5 });
    expect(half.notes).toEqual([
      'Only 20 documents with a yes or no: too few to say much, as the intervals show.',
      '1 of 2 slices have no yes or no, and no precision includes them.',
      'No document has a yes or no from two people, so their agreement is unknown.',
    ]);
  });

  it('says whether better scores have better documents', () => {
    const audit = makeAudit([100, 100], 40);
    const told = (answer: (at: number) => AnswerWord): string =>
      auditResult(audit, decisionsOf(answersTo(80, answer))).notes.join(' ');
    expect(told((at) => (at % 2 === 0 ? 'yes' : 'no'))).toMatch(/No difference seen/);
    expect(told((at) => (at < 40 ? 'yes' : 'no'))).not.toMatch(/difference|inverted/);
    expect(told((at) => (at < 40 ? 'no' : 'yes'))).toMatch(/inverted/);
  });

  it('measures agreement on yes and no of the documents with two answers', () => {
    const audit = makeAudit([100], 12, true);
    const pairs = Array.from({ length: 12 }, (_, at): [AnswerWord, AnswerWord] =>
      at < 4 ? ['no', 'no'] : at < 10 ? ['yes', 'yes'] : at === 10 ? ['yes', 'no'] : ['yes', 'cannot tell'],
    );
    const { agreement } = auditResult(
      audit,
      decisionsOf([...answersTo(12, (at) => pairs[at]?.[0]), ...answersTo(12, (at) => pairs[at]?.[1], 'Bo')]),
    );
    // 22 values: 9 no and 13 yes; 2 disagreeing pairs: 1 - 21 * 2 / (2 * 9 * 13).
    expect(agreement?.alpha).toBeCloseTo(1 - (21 * 2) / (2 * 9 * 13), 12);
    expect(agreement?.observed).toBeCloseTo(10 / 11, 12);
    expect(agreement?.documents).toBe(11);
  });

  it('counts only the last answer, and tells how many changed', () => {
    const audit = makeAudit([100], 2);
    const [before, after] = [decision('Ada', 'd-0', 'no'), decision('Ada', 'd-0', 'yes')];
    const result = auditResult(audit, { all: [before, after], last: [after], unreadableLines: 0 });
    expect(result).toMatchObject({ judged: 1, yes: 1, changedAnswers: 1 });
  });
});

describe('the queue of a person', () => {
  it('has each document until it has its one or two answers, in an order of the person', () => {
    const single = makeAudit([100], 30);
    const ada = queueOf(single, decisionsOf([]), 'Ada').open.map(({ id }) => id);
    const bo = queueOf(single, decisionsOf([]), 'Bo').open.map(({ id }) => id);
    expect(ada.toSorted()).toEqual(bo.toSorted());
    expect(ada).not.toEqual(bo);
    expect(queueOf(single, decisionsOf([]), 'ada').open.map(({ id }) => id)).toEqual(ada);
    const answered = decisionsOf(answersTo(10, () => 'yes'));
    expect(queueOf(single, answered, 'Bo').open).toHaveLength(20);
    expect(queueOf(single, answered, 'Ada')).toMatchObject({ forOthers: 0, answered: { length: 10 } });
    const twice = makeAudit([100], 30, true);
    expect(queueOf(twice, answered, 'Ada')).toMatchObject({ forOthers: 10, open: { length: 20 } });
    expect(queueOf(twice, answered, 'Bo').open).toHaveLength(30);
    const both = decisionsOf([...answersTo(10, () => 'yes'), ...answersTo(10, () => 'no', 'Bo')]);
    expect(queueOf(twice, both, 'Cy').open).toHaveLength(20);
  });
});
