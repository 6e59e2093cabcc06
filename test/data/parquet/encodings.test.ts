import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { bitsFor, readHybrid, writeHybrid } from '../../../data/parquet/hybrid.ts';
import { decompressLz4, decompressLz4Blocks } from '../../../data/parquet/lz4.ts';
import { rounds } from '../../long.ts';

describe('numbers of few bits', () => {
  it('are read as written, in runs and bit-packed, of any width', () => {
    const numbers = fc.integer({ min: 0, max: 32 }).chain((width) =>
      fc
        .array(fc.tuple(fc.nat({ max: 2 ** width - 1 }), fc.constantFrom(1, 1, 2, 7, 8, 9, 40)), {
          maxLength: 60,
        })
        .map((runs) => ({
          width,
          values: runs.flatMap(([value, times]) => Array.from({ length: times }, () => value)),
        })),
    );
    fc.assert(
      fc.property(numbers, ({ width, values }) => {
        const bytes = writeHybrid(Uint32Array.from(values), values.length, width);
        const read = new Uint32Array(values.length);
        readHybrid(bytes, width, values.length, read);
        expect([...read]).toEqual(values);
        if (values.length > 0)
          expect(() =>
            readHybrid(bytes, width, values.length + 8, new Uint32Array(values.length + 8)),
          ).toThrow();
      }),
      { numRuns: rounds(400), seed: 20261130 },
    );
    // Of the format's own example: 0 to 7 in three bits each.
    expect([...writeHybrid(Uint8Array.of(0, 1, 2, 3, 4, 5, 6, 7), 8, 3)]).toEqual([
      3, 0b10001000, 0b11000110, 0b11111010,
    ]);
    expect([0, 1, 2, 255, 256, 2 ** 32 - 1].map(bitsFor)).toEqual([0, 1, 2, 8, 9, 32]);
  });
});

describe('LZ4', () => {
  // "abc", 8 bytes from 3 before, then "xyz" and 5 literals more.
  const block = Buffer.from([0x34, ...Buffer.from('abc'), 3, 0, 0x80, ...Buffer.from('xyzhello')]);
  const text = 'abcabcabcabxyzhello';
  const framed = (bytes: Uint8Array, size: number): Buffer => {
    const sizes = Buffer.alloc(8);
    sizes.writeUInt32BE(size);
    sizes.writeUInt32BE(bytes.length, 4);
    return Buffer.concat([sizes, bytes]);
  };

  it('is decompressed raw and in one or more Hadoop frames', () => {
    expect(Buffer.from(decompressLz4(block, text.length)).toString()).toBe(text);
    expect(Buffer.from(decompressLz4Blocks(block, text.length)).toString()).toBe(text);
    expect(Buffer.from(decompressLz4Blocks(framed(block, text.length), text.length)).toString()).toBe(text);
    expect(
      Buffer.from(
        decompressLz4Blocks(
          Buffer.concat([framed(block, text.length), framed(block, text.length)]),
          2 * text.length,
        ),
      ).toString(),
    ).toBe(text + text);
    const long = Buffer.concat([
      Buffer.from([0xff, 255, 30]),
      Buffer.alloc(300, 'l'),
      Buffer.from([1, 0, 255, 255, 10, 0x10]),
      Buffer.from('e'),
    ]);
    expect(Buffer.from(decompressLz4(long, 300 + 15 + 255 + 255 + 10 + 4 + 1)).toString()).toBe(
      `${'l'.repeat(839)}e`,
    );
  });

  it('is refused if it is truncated, has the wrong length, or copies from before its start', () => {
    for (let end = 0; end < block.length; end++)
      expect(() => decompressLz4(block.subarray(0, end), text.length)).toThrow('damaged');
    for (const size of [1, text.length - 1, text.length + 1])
      expect(() => decompressLz4(block, size)).toThrow('damaged');
    expect(() => decompressLz4(Buffer.from([0x14, 97, 2, 0, 0x10, 98]), 10)).toThrow('damaged');
    expect(() => decompressLz4Blocks(framed(block, text.length).subarray(0, 12), text.length)).toThrow(
      'damaged',
    );
  });
});
