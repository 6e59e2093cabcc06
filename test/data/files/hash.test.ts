import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { keyHash } from '../../../data/files/hash.ts';
import { everything } from '../../long.ts';

const keys = Array.from({ length: 1 << 14 }, (_, i) => `shard-${i >> 10}.jsonl#${i & 1023}`);

/**
 * Pearson's statistic of how evenly hashes fall into 256 bins by 8 of their bits; its mean is 255, its
 * standard deviation 22.6.
 */
function chiSquare(hashes: readonly bigint[], shift: bigint): number {
  const counts = new Array<number>(256).fill(0);
  for (const hash of hashes) {
    const bin = Number((hash >> shift) & 255n);
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  const mean = hashes.length / 256;
  return counts.reduce((sum, count) => sum + (count - mean) ** 2 / mean, 0);
}

describe('keyHash', () => {
  it('never changes, so that samples are reproducible', () => {
    expect(
      [
        keyHash('', 0),
        keyHash('', 1),
        keyHash('a', 1),
        keyHash('pool/shard-00.jsonl.gz#17', 1),
        keyHash('Zürich 東京 🦉', 2 ** 31),
      ].map(String),
    ).toEqual([
      '17743887362898123143',
      '18284767695098765411',
      '13925939613360135077',
      '13114778583092309120',
      '18311614254041013136',
    ]);
  });

  it.each([0n, 8n, 24n, 32n, 48n, 56n])(
    'spreads keys that differ in a digit evenly, by the 8 bits from bit %s on',
    (shift) => {
      for (const seed of everything ? [0, 1, 2, 12345] : [1])
        expect(
          Math.abs(
            chiSquare(
              keys.map((key) => keyHash(key, seed)),
              shift,
            ) - 255,
          ),
        ).toBeLessThan(5 * 22.6);
    },
  );

  it('differs between keys, and orders them independently for each seed', () => {
    const first = keys.map((key) => keyHash(key, 1));
    const second = keys.map((key) => keyHash(key, 2));
    expect(new Set([...first, ...second]).size).toBe(2 * keys.length);
    const agreed = first.filter((hash, i) => hash >> 63n === (second[i] ?? 0n) >> 63n).length;
    expect(Math.abs(agreed / keys.length - 0.5)).toBeLessThan(0.01);
  });

  it('is a 64-bit number for any key and seed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 0, max: 2 ** 32 }), (key, seed) => {
        const hash = keyHash(key, seed);
        return hash >= 0n && hash < 1n << 64n && hash === keyHash(key, seed);
      }),
    );
  });
});
