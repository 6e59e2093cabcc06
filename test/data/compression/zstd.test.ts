import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import xxhash from 'xxhash-wasm';
import { zstdDecoders } from '../../../data/compression/zstd.ts';
import { decompressFrames } from '../../../data/compression/zstd-frames.ts';
import { rounds } from '../../long.ts';
import { drain, inPieces } from '../pieces.ts';
import { compress } from './zstd.ts';
import { defaultWindowMegabytes, limitZstdWindow } from '../../../run/zstd-window.ts';

const hashes = await xxhash();

/** A part of a file, and what it decompresses to. */
interface Part {
  bytes: Buffer;
  content: Buffer;
}

interface FrameOptions {
  hasChecksum?: boolean;
  /** Bytes of the content's length in the header. */
  sizeBytes?: 0 | 1 | 2 | 4 | 8;
  windowByte?: number;
  blockBytes?: number;
  /** Blocks of one byte over and over. */
  repeated?: boolean;
}

/** A frame by the letter of RFC 8878, with blocks that are not compressed. */
function makeFrame(
  content: Buffer,
  {
    hasChecksum = false,
    sizeBytes = 0,
    windowByte = 0x58,
    blockBytes = 1000,
    repeated = false,
  }: FrameOptions,
): Part {
  const isSingleSegment = sizeBytes === 1;
  const flags =
    ({ 0: 0, 1: 0, 2: 0x40, 4: 0x80, 8: 0xc0 }[sizeBytes] + (isSingleSegment ? 0x20 : 0)) |
    (hasChecksum ? 4 : 0);
  const size = Buffer.alloc(8);
  size.writeBigUInt64LE(BigInt(content.length - (sizeBytes === 2 ? 256 : 0)));
  const header = Buffer.concat([
    Buffer.from([0x28, 0xb5, 0x2f, 0xfd, flags]),
    Buffer.from(isSingleSegment ? [] : [windowByte]),
    size.subarray(0, sizeBytes),
  ]);
  const blocks: Buffer[] = [];
  for (let at = 0; at < content.length || at === 0; at += blockBytes) {
    const block = content.subarray(at, at + blockBytes);
    const isRepeated = repeated && block.every((byte) => byte === block[0]) && block.length > 0;
    const word = (block.length << 3) | (isRepeated ? 2 : 0) | (at + blockBytes >= content.length ? 1 : 0);
    blocks.push(
      Buffer.from([word & 255, (word >> 8) & 255, word >> 16]),
      isRepeated ? block.subarray(0, 1) : block,
    );
  }
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32LE(Number(BigInt.asUintN(32, hashes.h64Raw(content))));
  return { bytes: Buffer.concat([header, ...blocks, ...(hasChecksum ? [checksum] : [])]), content };
}

function skippable(nibble: number, data: Buffer): Part {
  const header = Buffer.from([0x50 + nibble, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]);
  header.writeUInt32LE(data.length, 4);
  return { bytes: Buffer.concat([header, data]), content: Buffer.alloc(0) };
}

const content = fc.oneof(
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  fc.tuple(fc.nat(9), fc.integer({ min: 256, max: 9000 })).map(([seed, length]) =>
    Buffer.from(
      Array.from({ length }, (_, i) => `${(i * 7919 + seed) % 101} `)
        .join('')
        .slice(0, length),
    ),
  ),
  fc
    .tuple(fc.nat(255), fc.integer({ min: 256, max: 300_000 }))
    .map(([byte, length]) => Buffer.alloc(length, byte)),
);
const frame = fc.oneof(
  content.map((of) => ({ bytes: compress(of), content: of })),
  fc
    .tuple(
      content,
      fc.boolean(),
      fc.constantFrom(0 as const, 1 as const, 2 as const, 4 as const, 8 as const),
      fc.integer({ min: 1, max: 1024 }),
      fc.boolean(),
    )
    .map(([of, hasChecksum, sizeBytes, blockBytes, repeated]) => {
      const fits =
        sizeBytes === 1
          ? of.length < 256 && blockBytes <= of.length
          : sizeBytes !== 2 || (of.length >= 256 && of.length < 65_792);
      return makeFrame(of, { hasChecksum, sizeBytes: fits ? sizeBytes : 0, blockBytes, repeated });
    }),
);
const skipped = fc
  .tuple(fc.nat(15), fc.uint8Array({ maxLength: 300 }))
  .map(([nibble, data]) => skippable(nibble, Buffer.from(data)));
const padding = fc
  .integer({ min: 1, max: 600 })
  .map((length) => ({ bytes: Buffer.alloc(length), content: Buffer.alloc(0) }));
/** A frame of either kind comes first; then anything that may follow. */
const files = fc
  .tuple(
    fc.oneof(frame, skipped),
    fc.array(fc.oneof({ weight: 3, arbitrary: frame }, skipped, padding), { maxLength: 6 }),
  )
  .map(([first, others]) => [first, ...others]);

const bytesOf = (parts: readonly Part[]): Buffer => Buffer.concat(parts.map(({ bytes }) => bytes));
const contentOf = (parts: readonly Part[]): Buffer => Buffer.concat(parts.map((part) => part.content));

for (const open of zstdDecoders) {
  const known = await open();
  const title =
    known === undefined ? `skipped: ${open.name}, which Node ${process.version} lacks here` : open.name;
  (known === undefined ? describe.skip : describe)(`Zstandard by ${title}`, () => {
    const read = async (bytes: Uint8Array, pieceBytes = 1 << 20): Promise<Buffer> => {
      const decode = await open();
      if (decode === undefined) throw new Error('there was one before');
      return drain(decompressFrames(inPieces(bytes, pieceBytes), decode));
    };

    it('reads any sequence of frames, skippable frames, and padding in pieces of any size', async () => {
      await fc.assert(
        fc.asyncProperty(
          files,
          fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 51, max: 100_000 })),
          async (parts, pieceBytes) => {
            expect((await read(bytesOf(parts), pieceBytes)).equals(contentOf(parts))).toBe(true);
          },
        ),
        { numRuns: rounds(120), seed: 20261101 },
      );
    });

    it('refuses a file that is truncated anywhere but between its parts', async () => {
      const parts = [
        {
          bytes: compress(Buffer.from('the first frame, which has words, words and words')),
          content: Buffer.from(''),
        },
        skippable(3, Buffer.from('skipped')),
        makeFrame(Buffer.from('the second, whole'), { hasChecksum: true, sizeBytes: 4, blockBytes: 6 }),
        { bytes: Buffer.alloc(9), content: Buffer.alloc(0) },
        makeFrame(Buffer.alloc(700, 'z'), { repeated: true, blockBytes: 300 }),
      ];
      const whole = bytesOf(parts);
      const ends = new Set<number>();
      let end = 0;
      for (const { bytes } of parts) {
        if (bytes.every((byte) => byte === 0)) for (let at = 0; at < bytes.length; at++) ends.add(end + at);
        ends.add((end += bytes.length));
      }
      for (let length = 0; length <= whole.length; length++) {
        const refused = await read(whole.subarray(0, length), 64).then(
          () => '',
          (error: unknown) => String(error),
        );
        expect([length, refused !== '']).toEqual([length, !ends.has(length)]);
        if (length > 0 && refused !== '')
          expect(refused).toMatch(
            /it is truncated: the Zstandard frame that starts at byte \d+ is incomplete/,
          );
      }
    });

    it('names the byte at which other data follows', async () => {
      const one = compress(Buffer.from('one frame'));
      await expect(read(Buffer.concat([one, Buffer.from('garbage')]), 5)).rejects.toThrow(
        `at byte ${one.length} it has the bytes 67 61 72 62, not a Zstandard frame or the end of the file`,
      );
      await expect(read(Buffer.concat([one, Buffer.alloc(4), Buffer.from('g')]))).rejects.toThrow(
        `at byte ${one.length + 4} `,
      );
      await expect(read(Buffer.concat([one, one.subarray(0, 3), Buffer.from('g')]))).rejects.toThrow(
        `at byte ${one.length} `,
      );
      await expect(read(Buffer.from('plain text'))).rejects.toThrow(
        'it starts with the bytes 70 6c 61 69, not with a Zstandard frame',
      );
      await expect(read(Buffer.alloc(100))).rejects.toThrow('it starts with the bytes 00 00 00 00, not with');
    });

    it('refuses a frame whose content contradicts its checksum or length', async () => {
      const { bytes } = makeFrame(Buffer.from('some content'), { hasChecksum: true });
      const changed = Buffer.from(bytes);
      changed[12] = (changed[12] ?? 0) ^ 1;
      await expect(read(Buffer.concat([bytes, changed]))).rejects.toThrow(
        new RegExp(
          `the Zstandard frame that starts at byte ${bytes.length} cannot be decompressed: .*checksum`,
        ),
      );
      const longer = makeFrame(Buffer.from('some content'), { sizeBytes: 4 }).bytes;
      longer.writeUInt32LE(13, 6);
      await expect(read(longer)).rejects.toThrow('the Zstandard frame that starts at byte 0 ');
    });

    it('refuses a frame that needs a dictionary, a reserved bit and a reserved block', async () => {
      await expect(read(Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 1, 0x58, 77, 1, 0, 0]))).rejects.toThrow(
        'was compressed with a dictionary (number 77)',
      );
      await expect(read(Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 8, 0x58, 1, 0, 0]))).rejects.toThrow(
        'a reserved bit',
      );
      await expect(read(Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 0x58, 7, 0, 0]))).rejects.toThrow(
        'a block of an unknown type',
      );
    });

    it('reads windows up to the limit, and counts at most the content size', async () => {
      const text = Buffer.from('a little text in a large window');
      const withWindow = (log: number, sizeBytes: 0 | 4): Buffer =>
        makeFrame(text, { windowByte: (log - 10) << 3, sizeBytes }).bytes;
      try {
        limitZstdWindow(64);
        expect(await read(withWindow(26, 0))).toEqual(text);
        expect(await read(withWindow(31, 4))).toEqual(text);
        await expect(read(withWindow(27, 0))).rejects.toThrow(
          'needs a window of 128 MiB, but the setting corpus.windowMegabytes allows 64 MiB: set ' +
            'corpus.windowMegabytes to 128',
        );
        await expect(read(withWindow(32, 0))).rejects.toThrow('no decoder supports more than 2048 MiB');
        limitZstdWindow(128);
        expect(await read(withWindow(27, 0))).toEqual(text);
      } finally {
        limitZstdWindow(defaultWindowMegabytes);
      }
    });

    it('yields highly compressed content in pieces', async () => {
      const decode = await open();
      if (decode === undefined) throw new Error('there was one before');
      const bomb = makeFrame(Buffer.alloc(30 << 20, 'x'), { repeated: true, blockBytes: 128 << 10 }).bytes;
      let [total, largest] = [0, 0];
      for await (const piece of decompressFrames(inPieces(bomb, 1 << 20), decode)) {
        total += piece.length;
        largest = Math.max(largest, piece.length);
      }
      expect(total).toBe(30 << 20);
      expect(largest).toBeLessThanOrEqual(1 << 20);
    });
  });
}
