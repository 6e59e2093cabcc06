import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { searchExact, searchSlow } from '../../../indexer/search/exact.ts';

it('agrees with the slow version, including ties', async () => {
  // Multiples of 1/4 keep every sum exact in float32, so both sides see the same ties.
  const rows = (dimensions: number, max: number): fc.Arbitrary<Float32Array> =>
    fc
      .array(
        fc.array(
          fc.integer({ min: -2, max: 2 }).map((quarters) => quarters / 4),
          { minLength: dimensions, maxLength: dimensions },
        ),
        { minLength: 1, maxLength: max },
      )
      .map((all) => Float32Array.from(all.flat()));
  const cases = fc
    .integer({ min: 1, max: 8 })
    .chain((dimensions) =>
      fc.tuple(
        rows(dimensions, 6),
        rows(dimensions, 40),
        fc.constant(dimensions),
        fc.integer({ min: 1, max: 45 }),
      ),
    );
  await fc.assert(
    fc.asyncProperty(cases, async ([examples, documents, dimensions, nearest]) => {
      expect(await searchExact(examples, documents, dimensions, nearest)).toEqual(
        searchSlow(examples, documents, dimensions, nearest),
      );
    }),
    { numRuns: 60 },
  );
});

it('merges blocks: more documents and examples than one block holds', async () => {
  const blocks = { queries: 2, documents: 5 };
  const documents = Float32Array.from({ length: 23 * 3 }, (_, i) => ((i * 7) % 5) / 4);
  const examples = Float32Array.from({ length: 5 * 3 }, (_, i) => ((i * 3) % 4) / 4);
  for (const nearest of [1, 4, 7, 23]) {
    expect(await searchExact(examples, documents, 3, nearest, { blocks })).toEqual(
      searchSlow(examples, documents, 3, nearest),
    );
  }
});
