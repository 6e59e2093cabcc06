// Which choice is correct if only all rows of a benchmark together can show it.

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Row } from '../../../run/fields/field-path.ts';
import { applyGeneralRules } from '../../../indexer/examples/general.ts';
import { applyShape } from '../../../indexer/examples/apply.ts';
import { findShape, readRecipes } from '../../../indexer/examples/recipes.ts';
import { settleAll } from '../../../indexer/examples/settle.ts';

/** The second line of each example, or the reason why there is none. */
const answers = (rows: readonly Row[]): (string | undefined)[] =>
  settleAll(rows.map(applyGeneralRules)).map((result) =>
    'text' in result ? result.text.split('\n')[1] : `refused: ${result.reason}`,
  );
const ask = (choices: readonly unknown[], answer: unknown): Row => ({ question: 'Which?', choices, answer });
const refused = (reason: string): unknown => expect.stringMatching(new RegExp(`^refused: .*${reason}`));

describe('a choice that other rows settle', () => {
  it('counts from 0 if one row is 0, and from 1 if one row is as large as the number of choices', () => {
    expect(answers([ask(['a', 'b', 'c'], 1), ask(['d', 'e'], 0)])).toEqual(['b', 'd']);
    expect(answers([ask(['a', 'b', 'c'], 1), ask(['d', 'e'], 2)])).toEqual(['a', 'e']);
    expect(answers([ask(['a', 'b', 'c'], 1), ask(['d', 'e', 'f'], 2)])).toEqual([
      refused('no other row settles it'),
      refused('no other row settles it'),
    ]);
  });

  it('is refused if the rows contradict each other', () => {
    expect(answers([ask(['a', 'b', 'c'], 1), ask(['d', 'e'], 0), ask(['d', 'e'], 2)])).toEqual([
      refused('counts from 0 in 1 of the rows and from 1 in 1'),
      refused('counts from 0'),
      refused('counts from 0'),
    ]);
  });

  it('is a text or a number, depending on the other rows', () => {
    expect(answers([ask(['2', '1', '0'], '1'), ask(['rye', 'oats'], 'oats')])).toEqual(['1', 'oats']);
    expect(answers([ask(['2', '1', '0'], '2'), ask(['rye', 'oats'], '0')])).toEqual(['0', 'rye']);
    expect(
      answers([ask(['2', '1', '0'], '2'), ask(['rye', 'oats'], '0'), ask(['rye', 'oats'], 'oats')]),
    ).toEqual([refused('may mean different'), 'rye', 'oats']);
  });

  it('accepts numbers as table cells have them', () => {
    expect(answers([ask(['a', 'b', 'c'], '1'), ask(['d', 'e'], '0.0')])).toEqual(['b', 'd']);
  });

  it('does not treat a blank choice as evidence of where numbers begin', () => {
    expect(answers([ask(['', 'b', 'c'], 1), ask(['d', 'e'], 2)])).toEqual([refused(''), 'e']);
    expect(answers([ask(['a', 'b', ''], 2), ask(['d', 'e', 'f'], 1)])).toEqual(['b', 'd']);
  });

  it('checks a recipe against its rows', () => {
    const recipe = (row: Row): ReturnType<typeof applyGeneralRules> => {
      const shape = findShape(row, readRecipes().list);
      return shape === undefined ? { reason: 'no recipe' } : applyShape(row, shape.shape, shape.name);
    };
    const mmlu = (answer: number): Row => ({ ...ask(['a', 'b', 'c', 'd'], answer), subject: 'letters' });
    expect(settleAll([mmlu(0), mmlu(3)].map(recipe))).toMatchObject([
      { text: 'Which?\na' },
      { text: 'Which?\nd' },
    ]);
    // MMLU counts from 0; these rows do not.
    expect(settleAll([mmlu(1), mmlu(4)].map(recipe))).toMatchObject([
      { reason: expect.stringContaining('answer should count from 0, but counts from 1 in 1 of the rows') },
      { reason: expect.stringContaining('none of the 4 choices') },
    ]);
  });

  it('is never a wrong one, whatever convention the rows follow', () => {
    const word = fc.constantFrom('a', 'B', 'rye', 'oats', '0', '1', '2', '3', '10', '');
    const row = fc
      .uniqueArray(word, { minLength: 2, maxLength: 5 })
      .chain((choices) => fc.record({ choices: fc.constant(choices), right: fc.nat(choices.length - 1) }))
      .filter(({ choices, right }) => choices[right] !== '');
    const write = {
      text: (choices: string[], right: number) => choices[right],
      letter: (_: string[], right: number) => 'ABCDE'[right],
      index: (_: string[], right: number) => right,
      number: (_: string[], right: number) => right + 1,
    };
    let settled = 0;
    fc.assert(
      fc.property(
        fc.array(row, { minLength: 1, maxLength: 12 }),
        fc.constantFrom('text', 'letter', 'index', 'number'),
        fc.boolean(),
        (rows, convention, asText) => {
          const written = rows.map(({ choices, right }) => {
            const gold = write[convention](choices, right);
            return ask(choices, asText && gold !== undefined ? String(gold) : gold);
          });
          for (const [at, answer] of answers(written).entries()) {
            const { choices = [], right = 0 } = rows[at] ?? {};
            if (answer?.startsWith('refused') === true) continue;
            settled++;
            expect({ convention, rows: written, at, answer }).toEqual({
              convention,
              rows: written,
              at,
              answer: choices[right],
            });
          }
        },
      ),
      { numRuns: 500, seed: 17 },
    );
    // Most rows must be settled: refusing all would pass otherwise.
    expect(settled).toBeGreaterThan(1500);
  });
});
