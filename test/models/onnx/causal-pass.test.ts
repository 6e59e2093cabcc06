import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { CausalModel, Past } from '../../../models/onnx/causal-model.ts';
import { readRow } from '../../../models/onnx/logit-rows.ts';
import { scoreSequences, type Sequence } from '../../../models/onnx/causal-pass.ts';

const width = 5;
/** A row of logits that depends on all tokens before. */
const rowAfter = (ids: readonly number[]): number[] =>
  Array.from(
    { length: width },
    (_, i) => 3 * Math.sin(ids.reduce((sum, id, at) => sum + (id + 1) * (at + 1) * (i + 1), 0)),
  );

/** A model that keeps what it has read with its past. */
function openModel(canCut = true): { model: CausalModel; passes: number[] } {
  const histories = new Map<Past, readonly number[]>();
  const passes: number[] = [];
  const cut = (past: Past, tokens: number): Past => {
    const now = { tokens, entries: {} };
    histories.set(now, (histories.get(past) ?? []).slice(0, tokens));
    return now;
  };
  const readOn: CausalModel['readOn'] = (ids, past) => {
    passes.push(ids.length);
    const before = past === undefined ? [] : (histories.get(past) ?? []);
    const now = { tokens: before.length + ids.length, entries: {} };
    histories.set(now, [...before, ...ids]);
    return Promise.resolve({
      logits: Float32Array.from(ids.flatMap((_, at) => rowAfter([...before, ...ids.slice(0, at + 1)]))),
      past: now,
    });
  };
  const read: CausalModel['read'] = async (ids, past) => ({ logits: (await readOn(ids, past)).logits });
  return { passes, model: { tokensPerPass: 256, ...(canCut ? { cut } : {}), read, readOn } };
}

function scoreSlowly({ ids, scoredFrom }: Sequence): { logProbability: number; isGreedy: boolean } {
  let logProbability = 0;
  let isGreedy = true;
  for (let at = scoredFrom; at < ids.length; at++) {
    const row = rowAfter(ids.slice(0, at)).map(Math.fround);
    logProbability +=
      (row[ids[at] ?? 0] ?? 0) - Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0));
    isGreedy &&= row.indexOf(Math.max(...row)) === ids[at];
  }
  return { logProbability, isGreedy };
}

describe('sequences', () => {
  const sequence = fc
    .array(fc.nat(1), { minLength: 2, maxLength: 9 })
    .chain((ids) =>
      fc.record({ ids: fc.constant(ids), scoredFrom: fc.integer({ min: 1, max: ids.length }) }),
    );

  it('get what each gets alone, read in no pass of one token', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(sequence, { minLength: 1, maxLength: 8 }),
        fc.boolean(),
        async (sequences, canCut) => {
          const { model, passes } = openModel(canCut);
          const scored = await scoreSequences(model, sequences);
          for (const [at, one] of sequences.entries()) {
            const slow = scoreSlowly(one);
            expect(scored[at]?.logProbability).toBeCloseTo(slow.logProbability, 5);
            expect(scored[at]?.isGreedy).toBe(slow.isGreedy);
          }
          expect(passes).not.toContain(1);
          const most = sequences.reduce((sum, { ids }) => sum + Math.max(2, ids.length - 1), 0);
          expect(passes.reduce((sum, tokens) => sum + tokens, 0)).toBeLessThanOrEqual(most);
        },
      ),
    );
  });

  it('share the work on the beginning they have in common', async () => {
    const text = Array.from({ length: 600 }, (_, at) => at % 3);
    const questions = [
      [0, 0, 1, 2],
      [1, 0, 2, 2],
      [2, 2, 2, 0],
    ].map((end) => ({ ids: [...text, ...end], scoredFrom: 601 }));
    const { model, passes } = openModel();
    await scoreSequences(model, questions);
    expect(passes.reduce((sum, tokens) => sum + tokens, 0)).toBe(600 + 3 * 3);
    // Continuations of one token take no more than the prompt.
    const one = openModel();
    await scoreSequences(
      one.model,
      [0, 1, 2].map((token) => ({ ids: [...text, token], scoredFrom: 600 })),
    );
    expect(one.passes).toEqual([256, 256, 88]);
  });

  it('leave no single token for a last pass', async () => {
    const { model, passes } = openModel();
    await scoreSequences(model, [{ ids: Array.from({ length: 258 }, () => 1), scoredFrom: 257 }]);
    expect(passes).toEqual([255, 2]);
  });
});

it('logits that are no numbers are refused', () => {
  expect(readRow(Float32Array.of(0, 0), 0, 2)).toEqual({ best: 0, logSum: Math.LN2 });
  expect(() => readRow(Float32Array.of(0, Number.NaN), 0, 2)).toThrow('not finite numbers');
  expect(() => readRow(Float32Array.of(0, Infinity), 0, 2)).toThrow('not finite numbers');
});
