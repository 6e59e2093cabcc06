import { describe, expect, it } from '@jest/globals';
import { auditResult } from '../../../evaluation/audit/result.ts';
import { answersTo, decisionsOf, makeAudit } from './made-audit.ts';

describe('the cutoff for a precision', () => {
  it('is where the good documents end', () => {
    const audit = makeAudit([100, 100, 100, 100], 30);
    const { cutoff } = auditResult(audit, decisionsOf(answersTo(120, (at) => (at < 60 ? 'yes' : 'no'))), 1);
    expect(cutoff?.verdict).toBe('undecided');
    expect(cutoff?.chosenOn).toEqual({ precision: 1, judged: 30, emptySlices: 0 });
    expect(cutoff?.measuredOn?.value).toBeGreaterThan(0.9);
    // Documents 0 to 59 are good, and half of them chose it.
    expect(cutoff?.score).toBeGreaterThanOrEqual(1 - 59 / 120);
    expect(cutoff?.score).toBeLessThan(1 - 50 / 120);
    const lower = auditResult(audit, decisionsOf(answersTo(120, (at) => (at < 60 ? 'yes' : 'no'))), 0.7);
    expect(lower.cutoff?.verdict).toBe('undecided');
    expect(lower.cutoff?.score ?? 1).toBeLessThan(1 - 59 / 120);
    expect(auditResult(audit, decisionsOf(answersTo(120, () => 'yes')), 0.9).cutoff?.verdict).toBe('reached');
  });

  it('is none where no ten documents are good enough', () => {
    const audit = makeAudit([100, 100], 30);
    expect(auditResult(audit, decisionsOf(answersTo(60, () => 'no')), 0.5).cutoff).toEqual({
      wanted: 0.5,
      score: null,
      chosenOn: null,
      measuredOn: null,
      verdict: 'no cutoff found',
    });
    // Eight yes in the choosing half cannot carry a cutoff.
    const few = answersTo(60, (at) => (at < 8 ? 'yes' : 'no'));
    expect(auditResult(audit, decisionsOf(few), 1).cutoff?.verdict).toBe('no cutoff found');
  });

  it('says which slices above it have no answer in a half', () => {
    // The first slice has one answer, which is in one half only.
    const audit = makeAudit([100, 100], 40);
    const result = auditResult(
      audit,
      decisionsOf(answersTo(80, (at) => (at === 0 || at >= 40 ? 'yes' : undefined))),
      0.9,
    );
    const { chosenOn, measuredOn } = result.cutoff ?? {};
    expect((chosenOn?.emptySlices ?? 0) + (measuredOn?.emptySlices ?? 0)).toBe(1);
    expect(result.notes.join()).toMatch(
      /1 slice above the cutoff has no yes or no in the half that (chose|measures) it, whose precision leaves it out/,
    );
  });

  it('is measured on documents that did not choose it: noise does not look like precision', () => {
    let state = 7;
    const random = (): number => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647;
    const chosen: number[] = [];
    const measured: number[] = [];
    for (let seed = 0; seed < 120; seed++) {
      const audit = makeAudit([100, 100, 100, 100], 40, false, seed);
      const { cutoff } = auditResult(
        audit,
        decisionsOf(answersTo(160, () => (random() < 0.5 ? 'yes' : 'no'))),
        0.6,
      );
      if (cutoff === null || cutoff.measuredOn === null || cutoff.chosenOn === null) continue;
      chosen.push(cutoff.chosenOn.precision);
      measured.push(cutoff.measuredOn.value);
    }
    const mean = (values: readonly number[]): number =>
      values.reduce((sum, value) => sum + value, 0) / values.length;
    expect(chosen.length).toBeGreaterThan(50);
    expect(mean(chosen)).toBeGreaterThanOrEqual(0.6);
    expect(mean(measured)).toBeGreaterThan(0.45);
    expect(mean(measured)).toBeLessThan(0.55);
  });
});
