import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readLineBlocks } from '../../../data/jsonl/lines.ts';
import { rounds } from '../../long.ts';

interface Line {
  number: number;
  /** undefined: the line is too long. */
  text: string | undefined;
}

async function readLines(pieces: readonly string[], maxLineBytes = 1 << 20): Promise<Line[]> {
  async function* stream(): AsyncGenerator<Uint8Array> {
    // One piece of memory for all, as decompressors do.
    const memory = Buffer.alloc(1 << 16);
    for (const piece of pieces)
      yield await Promise.resolve(memory.subarray(0, memory.write(piece, 'latin1')));
  }
  const lines: Line[] = [];
  for await (const block of readLineBlocks(stream(), maxLineBytes)) {
    const texts = block.bytes.toString('latin1').split('\n');
    if (texts.at(-1) === '') texts.pop();
    expect(block.lines).toBe(block.tooLong ? 1 : texts.length);
    if (block.tooLong) lines.push({ number: block.firstLine, text: undefined });
    else lines.push(...texts.map((text, i) => ({ number: block.firstLine + i, text })));
  }
  return lines;
}

/** The obvious version: everything at once. */
function splitLines(all: string, maxLineBytes: number): Line[] {
  const texts = all.split('\n');
  if (texts.at(-1) === '') texts.pop();
  return texts.map((text, number) => ({ number, text: text.length > maxLineBytes ? undefined : text }));
}

describe('readLineBlocks', () => {
  it('yields the same lines for any chunking of the bytes, and skips lines that are too long', async () => {
    const content = fc
      .array(
        fc.oneof(
          { weight: 4, arbitrary: fc.constantFrom('a', 'bc', '\r') },
          { weight: 1, arbitrary: fc.constant('\n') },
        ),
        { maxLength: 40 },
      )
      .map((parts) => parts.join(''));
    await fc.assert(
      fc.asyncProperty(
        fc.array(content, { maxLength: 8 }),
        fc.integer({ min: 1, max: 60 }),
        async (pieces, maxLineBytes) => {
          expect(await readLines(pieces, maxLineBytes)).toEqual(splitLines(pieces.join(''), maxLineBytes));
        },
      ),
      { numRuns: rounds(500) },
    );
  });

  it.each([[['\xef\xbb\xbfa\nb']], [['\xef', '\xbb\xbf', 'a', '\nb']]])(
    'drops a byte-order mark at the start: %j',
    async (pieces) => {
      expect(await readLines(pieces)).toEqual([
        { number: 0, text: 'a' },
        { number: 1, text: 'b' },
      ]);
    },
  );

  it('keeps a byte-order mark anywhere else', async () => {
    expect(await readLines(['a\n', '\xef\xbb\xbfb\n'])).toEqual([
      { number: 0, text: 'a' },
      { number: 1, text: '\xef\xbb\xbfb' },
    ]);
  });

  it('yields nothing for an empty file', async () => {
    expect(await readLines([])).toEqual([]);
    expect(await readLines(['', '\xef\xbb\xbf'])).toEqual([]);
  });
});
