import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  countNew,
  cutPrompts,
  findBegun,
  joinAll,
  type Joined,
  joinTexts,
  startWindow,
  textWindows,
  withEmptyThought,
  withoutBeginning,
} from '../../models/joined-tokens.ts';
import { findModel } from '../../models/onnx/model.ts';
import { openTextTokenizer } from '../../models/onnx/text-tokenizer.ts';
import { loadTransformers } from '../../models/onnx/transformers-library.ts';
import { rounds } from '../long.ts';
import { findShared } from '../shared/find.ts';

/** Two letters that are alike are one token; any other character is one. */
const encode = (text: string): number[] =>
  (text.match(/aa|[^]/g) ?? []).map((token) => (token === 'aa' ? 1 : token.charCodeAt(0)));

describe('prompt and continuation', () => {
  it("are one text, with blanks at the prompt's end moved", () => {
    expect(joinTexts('Answer: \t ', 'yes')).toEqual({ prompt: 'Answer:', continuation: ' \t yes' });
    expect(joinTexts('Answer:\n', 'yes')).toEqual({ prompt: 'Answer:\n', continuation: 'yes' });
  });

  it("are tokenized together: a token that spans both is the continuation's", () => {
    expect(joinAll(encode, 'ba', ['ac'])).toEqual([{ ids: [98, 1, 99], promptTokens: 1 }]);
    expect(joinAll(encode, 'b', ['ac'])).toEqual([{ ids: [98, 97, 99], promptTokens: 1 }]);
    // Whatever the tokens are, the continuation has one.
    expect(joinAll(encode, 'a', ['a'])).toEqual([{ ids: [1], promptTokens: 0 }]);
    expect(() => joinAll(encode, 'a', [''])).toThrow('a continuation is empty');
  });

  it('are read once where they begin alike', () => {
    const texts = (...all: string[]): number[][] => all.map(encode);
    // The second continuation adds one token, the second prompt two and three, and the first text again nothing.
    expect(countNew([texts('bcd', 'bce'), texts('bfgh', 'bfxyz'), texts('bcd')])).toEqual([4, 6, 0]);
  });

  it('are part of one another where they begin alike', () => {
    const sequences = fc.array(fc.array(fc.constantFrom(1, 2), { maxLength: 4 }), { maxLength: 6 });
    expect(findBegun(['abc', 'a', 'b', 'ab', 'a', 'abd'].map(encode))).toEqual(
      [3, undefined, undefined, 4, 1, 3].map((continues) => (continues === undefined ? {} : { continues })),
    );
    fc.assert(
      fc.property(sequences, (all) => {
        for (const [at, { continues }] of findBegun(all).entries()) {
          const parts = all.flatMap((other, i) =>
            i !== at &&
            all[at]?.join().startsWith(other.join()) === true &&
            (other.length < all[at].length || i < at)
              ? [{ i, length: other.length }]
              : [],
          );
          expect(continues).toBe(parts.sort((a, b) => b.length - a.length || b.i - a.i)[0]?.i);
        }
      }),
      { numRuns: rounds(200) },
    );
  });

  it('keep the same rest of a prompt for all continuations', () => {
    const joined = joinAll(encode, 'bcdefg', ['x', 'xyz']);
    const start = cutPrompts(joined, 7, 'start');
    expect(start.cutTokens).toBe(2);
    expect(start.joined.map(({ ids, promptTokens }) => [String.fromCharCode(...ids), promptTokens])).toEqual([
      ['defgx', 4],
      ['defgxyz', 4],
    ]);
    expect(cutPrompts(joined, 7, 'end').joined.map(({ ids }) => String.fromCharCode(...ids))).toEqual([
      'bcdex',
      'bcdexyz',
    ]);
    expect(cutPrompts(joined, 9, 'start')).toEqual({ joined, cutTokens: 0 });
    expect(() => cutPrompts(joined, 3, 'start')).toThrow('no room for the prompt in the context of 3 tokens');
  });
});

/** The slow, obvious version of `joinAll`. */
function joinSlowly(encodeText: (text: string) => readonly number[], prompt: string, end: string): Joined {
  const parts = joinTexts(prompt, end);
  const [ids, head] = [encodeText(parts.prompt + parts.continuation), encodeText(parts.prompt)];
  const differs = ids.findIndex((id, at) => head[at] !== id);
  return { ids, promptTokens: Math.min(differs < 0 ? ids.length : differs, ids.length - 1) };
}

const folder = findShared('models', 'HuggingFaceTB', 'SmolLM2-135M-Instruct');
const tokenizers: [string, () => Promise<(text: string) => readonly number[]>][] = [
  ['of the test', () => Promise.resolve(encode)],
  ...(folder === undefined
    ? []
    : [
        [
          'of a real model',
          async () =>
            (await openTextTokenizer(await loadTransformers(), await findModel(folder, folder))).encode,
        ] satisfies (typeof tokenizers)[number],
      ]),
];

describe.each(tokenizers)('by the tokenizer %s', (_name, open) => {
  it('tokenizing the end of a prompt alone gives the tokens of the whole', async () => {
    const encodeText = await open();
    const piece = fc.constantFrom(
      'aa',
      'a',
      ' ',
      '\n',
      '\n\n',
      '.',
      ' the',
      'theorem',
      ' x=',
      '1',
      '😀',
      ' é',
      '  ',
    );
    const text = fc.array(piece, { maxLength: 60 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(
        text,
        fc.constantFrom('', 'This text belongs to a textbook on', '\nAnswer YES or NO. Answer: '),
        fc.array(
          text.filter((end) => end !== ''),
          { minLength: 1, maxLength: 3 },
        ),
        (start, end, continuations) => {
          const expected = continuations.map((one) => joinSlowly(encodeText, start + end, one));
          expect(joinAll(encodeText, start + end, continuations)).toEqual(expected);
        },
      ),
      { numRuns: rounds(400) },
    );
    // The texts of a long prompt are short but for one.
    const lengths: number[] = [];
    const counted = (one: string): readonly number[] => {
      lengths.push(one.length);
      return encodeText(one);
    };
    joinAll(counted, `${'The sum of two odd numbers is even. '.repeat(100)}Is it? Answer:`, [' yes', ' no']);
    expect(lengths.filter((length) => length > 100)).toHaveLength(1);
  });
});

describe('windows', () => {
  it('score every token once, with text before it', () => {
    fc.assert(
      fc.property(fc.nat(60), fc.integer({ min: 2, max: 20 }), fc.boolean(), (tokens, room, hasBeginning) => {
        const scored: number[] = [];
        for (const { from, to, scoredFrom } of textWindows(tokens, room, hasBeginning)) {
          expect(to - from).toBeLessThanOrEqual(room);
          for (let token = scoredFrom; token < to; token++) {
            scored.push(token);
            if (!hasBeginning) expect(token).toBeGreaterThan(from);
          }
        }
        expect(scored).toEqual(
          Array.from({ length: tokens }, (_, token) => token).slice(hasBeginning ? 0 : 1),
        );
      }),
    );
  });

  it('have the beginning once, and refuse a second', () => {
    expect(startWindow('m', [7], [1, 2])).toEqual([7, 1, 2]);
    expect(startWindow('m', [], [1, 2])).toEqual([1, 2]);
    expect(() => startWindow('m', [7], [7, 1])).toThrow('two BOS tokens');
    expect(startWindow('m', [7], withoutBeginning([7], [7, 1]))).toEqual([7, 1]);
    expect(() => startWindow('m', [7], withoutBeginning([7], [7, 7, 1]))).toThrow('two BOS tokens');
  });
});

it('an opened thought is closed, and nothing else is changed', () => {
  expect(withEmptyThought('<|assistant|>\n<think>\n')).toBe('<|assistant|>\n<think>\n\n</think>\n\n');
  expect(withEmptyThought('<|assistant|>\n<think>\n\n</think>\n\n')).toBe(
    '<|assistant|>\n<think>\n\n</think>\n\n',
  );
  expect(withEmptyThought('<|assistant|>\n')).toBe('<|assistant|>\n');
});
