import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { biasesFor, UsualLogs, withoutBiases } from '../../../models/endpoint/routes/raised-tokens.ts';

const logits = fc.array(fc.double({ min: -20, max: 0, noNaN: true }), { minLength: 3, maxLength: 30 });

function softmax(values: readonly number[]): number[] {
  const sum = values.reduce((total, value) => total + Math.exp(value), 0);
  return values.map((value) => value - Math.log(sum));
}

it('biases are taken out again', () => {
  fc.assert(
    fc.property(
      logits,
      fc.array(fc.double({ min: 0, max: 8, noNaN: true }), { maxLength: 10 }),
      (row, given) => {
        const logs = softmax(row);
        // The first tokens are raised; the last one never is.
        const biases = new Map(given.slice(0, row.length - 1).map((bias, id) => [id, bias]));
        const raised = softmax(row.map((logit, id) => logit + (biases.get(id) ?? 0)));
        const found = withoutBiases(new Map(raised.map((log, id) => [id, log])), biases);
        const rest = 1 / logs.reduce((sum, log, id) => sum + Math.exp(log + (biases.get(id) ?? 0)), 0);
        if (Math.abs(rest - 0.003) > 1e-6) expect(found !== undefined).toBe(rest > 0.003);
        for (const [id, log] of found ?? []) expect(log).toBeCloseTo(logs[id] ?? Number.NaN, 6);
      },
    ),
  );
});

it('nothing is told where a raised token is not listed, or hardly anything else is left', () => {
  expect(withoutBiases(new Map([[1, Math.log(0.5)]]), new Map([[2, 1]]))).toBeUndefined();
  expect(withoutBiases(new Map([[1, Math.log(0.9999)]]), new Map([[1, 9]]))).toBeUndefined();
});

it('tokens are raised as much as they usually need', () => {
  const usual = new UsualLogs([-2, -10]);
  usual.add([-4, -20]);
  usual.add([-3, -30]);
  expect(usual.means).toEqual([-3, -20]);
  expect(biasesFor(usual.means)).toEqual([0, 16]);
});
