import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { findSlowly, openFinder, type Passage } from '../../leaks/find.ts';
import { foldCodePoint, listWords } from '../../indexer/examples/words.ts';
import { rounds } from '../long.ts';

const words = (text: string): string[] => listWords(text).map(({ word }) => word);
const findAll = (tests: readonly string[], document: string, runWords?: number): Passage[] => {
  const bytes = Buffer.from(`xx ${document} yy`);
  return openFinder(tests, runWords).find(bytes, 3, bytes.length - 3);
};
const passageOf = (document: string, { startByte, endByte }: Passage): string =>
  Buffer.from(document).toString('utf8', startByte, endByte);
const numbered = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${name}${i}`);

describe('a word', () => {
  it('is a run of letters and digits in lower case', () => {
    expect(words("Don't PANIC, 42times! naïve CAFÉ 漢字")).toEqual([
      'don',
      't',
      'panic',
      '42times',
      'naïve',
      'café',
      '漢字',
    ]);
    expect(words('ΟΔΟΣ οδος')).toEqual(['οδοσ', 'οδοσ']);
    expect(words('İstanbul a_b x²')).toEqual(['istanbul', 'a', 'b', 'x²']);
    expect(words('')).toEqual([]);
  });

  it('ends at a letter beyond the folding table', () => {
    expect(foldCodePoint(0x34001)).toBe(0);
    expect(foldCodePoint(0xd800)).toBe(0);
  });
});

describe('finding', () => {
  const test = 'The quick brown fox jumps over the lazy dog while seven old wizards look on and laugh';

  it('finds a run of 13 words, whatever separates them', () => {
    const leak = 'QUICK -- brown\nfox, jumps over (the) lazy dog; while seven "old" wizards look';
    const document = `Before it, some words. ${leak}! Words after it.`;
    expect(findAll([test], document).map((passage) => passageOf(document, passage))).toEqual([leak]);
    expect(findAll([test], document.replace('fox', 'cat'))).toEqual([]);
    expect(findAll([test], document.replace('QUICK -- ', ''))).toEqual([]);
  });

  it('joins consecutive runs to one passage, and distinguishes the items', () => {
    const document = `first ${test} middle ${numbered('other', 13).join(' ')} last`;
    const found = findAll(
      [
        test,
        numbered('other', 20).join(' '),
        'nothing of this kind is anywhere in the document at all today',
      ],
      document,
    );
    expect(found.map((passage) => [passage.item, passageOf(document, passage)])).toEqual([
      [0, test],
      [1, numbered('other', 13).join(' ')],
    ]);
  });

  it('finds texts of 8 to 12 words only as a whole, and shorter ones not at all', () => {
    const short = numbered('short', 9);
    expect(findAll([short.join(' ')], `so ${short.join(', ')} it is`)).toHaveLength(1);
    expect(findAll([short.join(' ')], short.slice(1).join(' '))).toEqual([]);
    expect(findAll([numbered('tiny', 7).join(' ')], numbered('tiny', 7).join(' '))).toEqual([]);
    expect(
      findAll([numbered('long', 13).join(' ')], numbered('long', 13).slice(0, 8).join(' '), 8),
    ).toHaveLength(1);
  });

  it('reports every item with the run, however many', () => {
    const shared = numbered('shared', 13).join(' ');
    const found = findAll(
      Array.from({ length: 50 }, (_, i) => `item${i} ${shared} end${i}`),
      `here ${shared} there`,
    );
    expect(found.map(({ item }) => item)).toEqual(Array.from({ length: 50 }, (_, i) => i));
  });

  it('handles more hits than fit in the buffer', () => {
    const same = Array.from({ length: 30_000 }, () => 'same').join(' ');
    expect(findAll([Array.from({ length: 13 }, () => 'same').join(' ')], same)).toEqual([
      { item: 0, startByte: 0, endByte: same.length },
    ]);
  });

  it('agrees with the slow version on any text', () => {
    const anyWord = fc.constantFrom('a', 'b', 'B', 'é', '漢', '𝒳', 'İ', 'Σ', 'x1');
    const anyGap = fc.constantFrom(' ', ', ', '\n', '\u00a0', '\u0301', '🙂', '\ufeff', '\0');
    const anyText = (maxLength: number): fc.Arbitrary<string> =>
      fc.array(fc.tuple(anyWord, anyGap), { maxLength }).map((parts) => parts.flat().join(''));
    fc.assert(
      fc.property(
        fc.array(anyText(14), { maxLength: 4 }),
        anyText(60),
        fc.integer({ min: 8, max: 13 }),
        fc.boolean(),
        (tests, document, runWords, planted) => {
          const whole = planted ? `${document} ${tests.join(' ')} ${document}` : document;
          const bytes = Buffer.from(whole);
          expect(openFinder(tests, runWords).find(bytes, 0, bytes.length)).toEqual(
            findSlowly(tests, whole, runWords),
          );
        },
      ),
      { numRuns: rounds(300) },
    );
  });

  it('survives bytes that are not UTF-8', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        expect(
          openFinder(['one two three four five six seven eight nine ten']).find(bytes, 0, bytes.length),
        ).toEqual([]);
      }),
      { numRuns: rounds(50) },
    );
  });
});
