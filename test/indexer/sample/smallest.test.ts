import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { offer, openSmallest, settle } from '../../../indexer/sample/smallest.ts';

it('keeps the smallest distinct numbers, like a sort, in any order', () => {
  fc.assert(
    fc.property(
      fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), { maxLength: 300 }),
      fc.integer({ min: 1, max: 50 }),
      fc.integer({ min: 0, max: 3 }),
      (numbers, wanted, copies) => {
        const smallest = openSmallest(wanted);
        smallest.values = smallest.values.subarray(0, 2 * wanted);
        const all = [...numbers, ...numbers.slice(0, copies)];
        const taken = all.filter((value) => offer(smallest, value));
        settle(smallest);
        const expected = [...new Set(all)].sort((a, b) => (a < b ? -1 : 1)).slice(0, wanted);
        expect([...smallest.values.subarray(0, smallest.held)]).toEqual(expected);
        expect(new Set(taken.filter((value) => value <= smallest.cutoff))).toEqual(new Set(expected));
      },
    ),
  );
});
