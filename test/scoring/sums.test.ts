import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { type Sums, openSums } from '../../scoring/sums.ts';
import { scoreBin } from '../../scoring/part.ts';

interface Row {
  source: string;
  score: number;
  tokens: number;
}

const rows = fc.array(
  fc.record({
    source: fc.constantFrom('', 'web', 'Web', 'books', 'ü'),
    score: fc.oneof(
      fc.float({ noNaN: true, noDefaultInfinity: true }),
      fc.constantFrom(0, -0, 1, 1.0000001, -1),
    ),
    tokens: fc.nat(1000),
  }),
  { maxLength: 60 },
);

/** The obvious version: the rows of each group, added up. */
function addUp(all: readonly Row[]): Sums {
  const sum = (some: readonly Row[]): number => some.reduce((total, { tokens }) => total + tokens, 0);
  const bins = [...new Set(all.map(({ score }) => scoreBin(score)))].sort((a, b) => b - a);
  return {
    documents: all.length,
    tokens: sum(all),
    sources: [...new Set(all.map(({ source }) => source))].sort().map((source) => {
      const own = all.filter((row) => row.source === source);
      return { source, documents: own.length, tokens: sum(own) };
    }),
    histogram: bins.map((bin) => {
      const own = all.filter(({ score }) => scoreBin(score) === bin);
      return [bin, own.length, sum(own)];
    }),
  };
}

describe('figures', () => {
  it('are what the rows come to, counted one by one or added up from parts', () => {
    fc.assert(
      fc.property(rows, rows, (some, others) => {
        const count = (counted: readonly Row[]): Sums => {
          const figures = openSums();
          for (const { source, score, tokens } of counted) figures.count(source, scoreBin(score), 1, tokens);
          return figures.result();
        };
        expect(count(some)).toEqual(addUp(some));
        const both = openSums();
        both.add(count(some));
        both.add(count(others));
        expect(both.result()).toEqual(addUp([...some, ...others]));
      }),
    );
  });
});
