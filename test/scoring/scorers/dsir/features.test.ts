import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { createHash } from 'node:crypto';
import { openHasher } from '../../../../scoring/scorers/dsir/hasher.ts';
import { bucketOf, listBuckets, listTokens } from '../../../../scoring/scorers/dsir/ngrams.ts';
import { digest, hashBlock, longestMessage } from '../../../../scoring/scorers/dsir/sha256.ts';
import { longTest, rounds } from '../../../long.ts';

describe('DSIR features', () => {
  it("has the golden buckets and features of the paper's code", () => {
    expect(bucketOf('alice')).toBe(6720);
    expect(bucketOf('alice went')).toBe(114);
    for (const list of [listBuckets, openHasher()]) {
      const found = Array.from(list('Alice went to the store'));
      expect(found).toHaveLength(9);
      expect(found.slice(0, 3)).toEqual([6720, bucketOf('went'), 114]);
    }
  });

  it('splits as Python does', () => {
    // What Python 3.11 gives for re.findall(r"\w+|[^\w\s]+", text.lower()).
    expect(listTokens("İstanbul ΟΔΟΣ naïve_x 3½ Ⅷ a\u0301b \u2028x\x1cy\x85z\ufeffw don't!! ²")).toEqual([
      'i',
      '\u0307',
      'stanbul',
      'οδος',
      'naïve_x',
      '3½',
      'ⅷ',
      'a',
      '\u0301',
      'b',
      'x',
      'y',
      'z',
      '\ufeff',
      'w',
      'don',
      "'",
      't',
      '!!',
      '²',
    ]);
  });

  longTest('hashes fast what it hashes slowly, whatever is remembered or has no room', () => {
    const ways = [
      openHasher(),
      openHasher({ tokens: 8, units: 256, pairs: 4 }),
      openHasher({ tokens: 1024, units: 100, pairs: 64 }),
    ];
    const agree = (text: string): void => {
      const slow = listBuckets(text);
      for (const list of ways) expect(Array.from(list(text))).toEqual(slow);
    };
    const words = [
      'Alice',
      'went',
      'TO',
      'the',
      'naïve',
      'ΟΔΟΣ',
      'İs',
      '漢字',
      '𝒳𝒴',
      '🙂🙂',
      'a\u0301b',
      '\ud800',
      '\udc00x',
      '_',
      '½',
      "don't",
      '!!',
      '\x1c',
      '\x85',
      '\u2028',
      '\ufeff',
      ' ',
      '-',
      'w'.repeat(54),
      'x'.repeat(55),
      'y'.repeat(64),
      'z'.repeat(65),
      'ß'.repeat(40),
    ];
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.constantFrom(...words),
            fc.string({ unit: 'binary', maxLength: 5 }),
            fc.string({ unit: 'grapheme-ascii', maxLength: 70 }),
          ),
        ),
        fc.constantFrom(' ', '', '\n'),
        (parts, joint) => agree(parts.join(joint)),
      ),
      { numRuns: rounds(300) },
    );
    agree('');
    agree(Array.from({ length: 6_000 }, (_, i) => `w${(i * i) % 4999}`).join(' '));
    for (const longText of ['long '.repeat(2_000), 'x'.repeat(50_000), '. '.repeat(2_000)]) agree(longText);
  });

  it('works SHA-256 out as the library does', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: longestMessage }), (message) => {
        const padded = new Uint8Array(64);
        padded.set(message);
        padded[message.length] = 0x80;
        const view = new DataView(padded.buffer);
        view.setUint32(60, 8 * message.length);
        hashBlock(Int32Array.from({ length: 16 }, (_, i) => view.getInt32(4 * i)));
        expect(Array.from(digest, (word) => word.toString(16).padStart(8, '0')).join('')).toBe(
          createHash('sha256').update(message).digest('hex'),
        );
      }),
    );
  });
});
