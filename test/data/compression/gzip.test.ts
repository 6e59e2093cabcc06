import { crc32, deflateRawSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { openRandom } from '../../../data/seeded-random.ts';
import { gunzip } from '../../../data/compression/gzip.ts';
import { rounds } from '../../long.ts';
import { drain, inPieces } from '../pieces.ts';

interface Part {
  bytes: Buffer;
  content: Buffer;
}

interface Header {
  extra?: Buffer;
  name?: string;
  comment?: string;
  hasHeaderChecksum?: boolean;
}

/** A member by the letter of RFC 1952. */
function makeMember(
  content: Buffer,
  { extra, name, comment, hasHeaderChecksum = false }: Header = {},
  level = 6,
): Part {
  const flags =
    (hasHeaderChecksum ? 2 : 0) |
    (extra === undefined ? 0 : 4) |
    (name === undefined ? 0 : 8) |
    (comment === undefined ? 0 : 16);
  const length = Buffer.alloc(2);
  length.writeUInt16LE(extra?.length ?? 0);
  const header = Buffer.concat([
    Buffer.from([0x1f, 0x8b, 8, flags, 1, 2, 3, 4, 0, 3]),
    ...(extra === undefined ? [] : [length, extra]),
    ...[name, comment].filter((text) => text !== undefined).map((text) => Buffer.from(`${text}\0`)),
  ]);
  const sum = Buffer.alloc(2);
  sum.writeUInt16LE(crc32(header, 0) & 0xffff);
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc32(content, 0), 0);
  trailer.writeUInt32LE(content.length, 4);
  return {
    bytes: Buffer.concat([
      header,
      ...(hasHeaderChecksum ? [sum] : []),
      deflateRawSync(content, { level }),
      trailer,
    ]),
    content,
  };
}

/** Bytes that do not compress. */
function noise(length: number): Buffer {
  const random = openRandom(length);
  return Buffer.from(Array.from({ length }, () => Math.floor(random() * 256)));
}

const content = fc.oneof(
  { weight: 3, arbitrary: fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)) },
  fc
    .tuple(fc.nat(9), fc.integer({ min: 100, max: 20_000 }))
    .map(([seed, length]) =>
      Buffer.from(Array.from({ length }, (_, i) => `${(i * 7919 + seed) % 101} `).join('')),
    ),
  // More than a member that is decompressed at once: of compressed bytes, and of content.
  fc.integer({ min: 60_000, max: 150_000 }).map(noise),
  fc.integer({ min: 1 << 20, max: (1 << 20) + 5 }).map((length) => Buffer.alloc(length, 'ab')),
);
const header = fc.record(
  {
    extra: fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    name: fc.constantFrom('', 'a.jsonl'),
    comment: fc.constant('a comment'),
    hasHeaderChecksum: fc.boolean(),
  },
  { requiredKeys: [] },
);
const member = fc
  .tuple(content, header, fc.constantFrom(0, 1, 6))
  .map(([of, fields, level]) => makeMember(of, fields, level));
const padding = fc
  .integer({ min: 1, max: 600 })
  .map((length) => ({ bytes: Buffer.alloc(length), content: Buffer.alloc(0) }));
const files = fc
  .tuple(
    member,
    fc.array(fc.oneof({ weight: 3, arbitrary: member }, { weight: 1, arbitrary: padding }), { maxLength: 5 }),
  )
  .map(([first, others]) => [first, ...others]);

const bytesOf = (parts: readonly Part[]): Buffer => Buffer.concat(parts.map(({ bytes }) => bytes));
const read = (bytes: Uint8Array, pieceBytes = 1 << 20): Promise<Buffer> =>
  drain(gunzip(inPieces(bytes, pieceBytes)));

describe('gzip', () => {
  it('reads any sequence of members and padding in pieces of any size', async () => {
    await fc.assert(
      fc.asyncProperty(
        files,
        fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 51, max: 200_000 })),
        async (parts, size) => {
          const bytes = bytesOf(parts);
          expect(
            (await read(bytes, Math.max(size, bytes.length >> 10))).equals(
              Buffer.concat(parts.map((part) => part.content)),
            ),
          ).toBe(true);
        },
      ),
      { numRuns: rounds(160), seed: 20261102 },
    );
  });

  it('refuses a file that is truncated anywhere but between its parts', async () => {
    const large = makeMember(noise(70_000));
    const parts = [
      makeMember(Buffer.from('the first member, of words, words and words')),
      { bytes: Buffer.alloc(5), content: Buffer.alloc(0) },
      makeMember(Buffer.from('second'), {
        extra: Buffer.from('extra'),
        name: 'name',
        comment: 'comment',
        hasHeaderChecksum: true,
      }),
      large,
    ];
    const whole = bytesOf(parts);
    const [first, padded, second] = [parts[0]?.bytes.length ?? 0, 5, parts[2]?.bytes.length ?? 0];
    const ends = new Set([
      ...Array.from({ length: padded + 1 }, (_, i) => first + i),
      first + padded + second,
      whole.length,
    ]);
    const beforeLarge = first + padded + second;
    const lengths = [
      ...Array.from({ length: beforeLarge + 40 }, (_, i) => i),
      ...Array.from({ length: 30 }, (_, i) => whole.length - i),
      beforeLarge + 65_535,
      beforeLarge + 65_536,
      beforeLarge + 65_560,
    ];
    for (const length of lengths) {
      const refused = await read(whole.subarray(0, length), 64_000).then(
        () => '',
        (error: unknown) => String(error),
      );
      expect([length, refused !== '']).toEqual([length, !ends.has(length)]);
      if (length > 0 && refused !== '')
        expect(refused).toMatch(/it is truncated: the gzip member that starts at byte \d+ is incomplete/);
    }
  });

  it('names the byte at which other data follows', async () => {
    const one = makeMember(Buffer.from('one member')).bytes;
    await expect(read(Buffer.concat([one, Buffer.from('garbage')]), 5)).rejects.toThrow(
      `at byte ${one.length} it has the bytes 67 61 72 62, not a gzip member or the end of the file`,
    );
    await expect(read(Buffer.concat([one, Buffer.alloc(512), Buffer.from('g')]))).rejects.toThrow(
      `at byte ${one.length + 512} `,
    );
    await expect(read(Buffer.concat([one, Buffer.from([0x1f]), Buffer.from('g')]))).rejects.toThrow(
      `at byte ${one.length} `,
    );
    await expect(read(Buffer.from('plain text'))).rejects.toThrow(
      'it starts with the bytes 70 6c 61 69, not with a gzip member',
    );
    await expect(read(Buffer.alloc(100))).rejects.toThrow('it starts with the bytes 00 00 00 00, not with');
  });

  it('refuses a member if any significant byte is changed', async () => {
    for (const noiseBytes of [0, 80_000]) {
      const first = makeMember(Buffer.from('first')).bytes;
      const { bytes, content: whole } = makeMember(
        Buffer.concat([Buffer.from('some content, some content'), noise(noiseBytes)]),
        { hasHeaderChecksum: true },
      );
      let [tried, refused] = [0, 0];
      for (let at = 0; at < bytes.length; at += at < 60 || at > bytes.length - 20 ? 1 : 9973) {
        tried++;
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ 0x10;
        const found = await read(Buffer.concat([first, changed])).catch(String);
        // Compressed data have a few bits that mean nothing.
        if (typeof found === 'string') expect(found).toContain(`byte ${first.length} `);
        else expect(found.subarray(5)).toEqual(whole);
        refused += typeof found === 'string' ? 1 : 0;
      }
      expect(refused).toBeGreaterThanOrEqual(tried - 2);
    }
  });

  it('yields highly compressed content in pieces', async () => {
    const bomb = makeMember(Buffer.alloc(30 << 20, 'x')).bytes;
    let [total, largest] = [0, 0];
    for await (const piece of gunzip(inPieces(bomb, 1 << 20))) {
      total += piece.length;
      largest = Math.max(largest, piece.length);
    }
    expect(total).toBe(30 << 20);
    expect(largest).toBeLessThanOrEqual(1 << 20);
  });

  it('releases its source and rethrows its errors', async () => {
    const { bytes } = makeMember(noise(300_000));
    let ended = 0;
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        yield* inPieces(bytes.subarray(0, 200_000), 50_000);
        throw new Error('the disk is gone');
      } finally {
        ended++;
      }
    }
    await expect(drain(gunzip(source()))).rejects.toThrow('the disk is gone');
    for await (const piece of gunzip(source())) if (piece.length > 0) break;
    expect(ended).toBe(2);
  });
});
