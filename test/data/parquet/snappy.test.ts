import { expect, it } from '@jest/globals';
import fc from 'fast-check';
import { decompressSnappy } from '../../../data/parquet/snappy.ts';
import { varInt } from './write.ts';
import { rounds } from '../../long.ts';

type Element =
  { literal: Uint8Array; lengthBytes: number } | { distance: number; size: number; kind: 1 | 2 | 3 };

/**
 * The elements as a stream, and what it stands for. Copies are bent to what can be: neither from before the
 * beginning nor longer or farther than their kind can say.
 */
function writeStream(elements: readonly Element[]): { stream: Buffer; content: Buffer } {
  const parts: number[][] = [];
  const content: number[] = [];
  for (const element of elements) {
    if ('literal' in element) {
      const { literal } = element;
      const last = literal.length - 1;
      const lengthBytes =
        last < 60 && element.lengthBytes === 0
          ? 0
          : Math.max(element.lengthBytes, last < 1 << 8 ? 1 : last < 1 << 16 ? 2 : 3);
      parts.push([
        (lengthBytes === 0 ? last : 59 + lengthBytes) << 2,
        ...littleEndian(last, lengthBytes),
        ...literal,
      ]);
      for (const byte of literal) content.push(byte);
    } else if (content.length > 0) {
      const { kind } = element;
      const distance =
        1 + (element.distance % Math.min(content.length, kind === 1 ? 2047 : kind === 2 ? 65_535 : 1 << 18));
      const size = kind === 1 ? 4 + (element.size % 8) : element.size;
      const tag = kind === 1 ? ((size - 4) << 2) | ((distance >> 8) << 5) : (size - 1) << 2;
      parts.push([tag | kind, ...littleEndian(distance, kind === 3 ? 4 : kind)]);
      for (let i = 0; i < size; i++) content.push(content[content.length - distance] ?? 0);
    }
  }
  return {
    stream: Buffer.concat([varInt(content.length), ...parts.map((part) => Buffer.from(part))]),
    content: Buffer.from(content),
  };
}

function littleEndian(value: number, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, i) => (value >>> (8 * i)) & 255);
}

async function* cut(stream: Uint8Array, bytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < stream.length; at += bytes)
    yield await Promise.resolve(stream.subarray(at, at + bytes));
}

async function decompressAll(stream: Uint8Array, bytes: number): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of decompressSnappy(cut(stream, bytes))) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
}

const literal = fc.record({
  literal: fc.oneof(
    { weight: 8, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 70 }) },
    {
      weight: 1,
      arbitrary: fc
        .nat({ max: 70_000 })
        .map((more) => Uint8Array.from({ length: more + 1 }, (_, i) => (i * i) >> 3)),
    },
  ),
  lengthBytes: fc.nat({ max: 4 }),
});
const copy = fc.record({
  distance: fc.oneof(fc.nat({ max: 12 }), fc.nat()),
  size: fc.integer({ min: 1, max: 64 }),
  kind: fc.constantFrom(1 as const, 2 as const, 3 as const),
});
const elements = fc.array(fc.oneof(literal, copy), { minLength: 1, maxLength: 60 });

it('decompresses whatever the stream is made of, and wherever it is cut', async () => {
  await fc.assert(
    fc.asyncProperty(elements, fc.integer({ min: 1, max: 1000 }), async (all, bytes) => {
      const { stream, content } = writeStream(all);
      expect((await decompressAll(stream, bytes)).equals(content)).toBe(true);
    }),
    { numRuns: rounds(300), seed: 20261129 },
  );
});

it('copies from as far back as 256 KiB, in a stream of many', async () => {
  const block = Uint8Array.from({ length: 1 << 18 }, (_, i) => Math.imul(i, 2_654_435_761) >>> 24);
  const copies = Array.from({ length: 40_000 }, (_, i): Element => ({
    distance: (1 << 18) - 1 - (i % 3),
    size: 64,
    kind: 3,
  }));
  const { stream, content } = writeStream([{ literal: block, lengthBytes: 4 }, ...copies]);
  expect((await decompressAll(stream, 100_000)).equals(content)).toBe(true);
});

it('tells a stream that ends early', async () => {
  const { stream } = writeStream([
    { literal: Buffer.from('some text'), lengthBytes: 0 },
    { distance: 3, size: 20, kind: 2 },
  ]);
  for (let length = 0; length < stream.length; length++)
    await expect(decompressAll(stream.subarray(0, length), 5)).rejects.toThrow('ends early');
});

it.each([
  ['a length that has no end', [255, 255, 255, 255, 255, 1]],
  ['a copy from before the beginning', [20, 4, 65, 66, 2, 3, 0]],
  ['a copy from nowhere', [20, 4, 65, 66, 2, 0, 0]],
  ['more than the length says', [1, 4, 65, 66]],
  ['more behind the end', [2, 4, 65, 66, 0, 65]],
  ['a literal of 4 GB', [20, 0xfc, 255, 255, 255, 255, 65]],
])('refuses %s', async (_what, bytes) => {
  for (const pieceBytes of [1, 3, 100])
    await expect(decompressAll(Uint8Array.from(bytes), pieceBytes)).rejects.toThrow('damaged');
});
