import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { cutLine, cutPassages } from '../../../ranking/selection/excise.ts';

const fields = { id: 'id', text: 'text', source: 'source', tokens: 'tokens' };

describe('cutting a passage out', () => {
  const passage = (text: string, part: string): { startByte: number; endByte: number } => {
    const startByte = Buffer.from(text).indexOf(part);
    return { startByte, endByte: startByte + Buffer.byteLength(part) };
  };

  it('takes 200 characters with it on each side, and drops what is short', () => {
    const text = `${'ä'.repeat(450)}LEAK${'z'.repeat(401)}`;
    expect(cutPassages(text, [passage(text, 'LEAK')])).toEqual(['ä'.repeat(250), 'z'.repeat(201)]);
    expect(
      cutPassages(`${'a'.repeat(300)}LEAK${'b'.repeat(400)}`, [{ startByte: 300, endByte: 304 }]),
    ).toEqual(['b'.repeat(200)]);
    expect(cutPassages('LEAK', [{ startByte: 0, endByte: 4 }])).toEqual([]);
    expect(cutPassages('🙂'.repeat(300), [{ startByte: 0, endByte: 4 }])[0]?.isWellFormed()).toBe(true);
  });

  it('drops a document that falls into more than ten pieces', () => {
    const text = Array.from({ length: 12 }, () => `${'x'.repeat(700)}LEAK`).join('');
    const passages = Array.from({ length: 12 }, (_, i) => ({
      startByte: 704 * i + 700,
      endByte: 704 * (i + 1),
    }));
    expect(cutPassages(text, passages)).toEqual([]);
    expect(cutPassages(text, passages.slice(0, 9))).toHaveLength(10);
  });

  it('keeps every other field of a line, and nothing of the passage', () => {
    const line = Buffer.from(
      JSON.stringify({
        id: 7,
        meta: { a: [1] },
        text: `${'q '.repeat(300)}LEAK${' w'.repeat(300)}`,
        tokens: 5,
      }),
    );
    const [first, second] = cutLine(line, fields, [{ startByte: 600, endByte: 604 }]).map((piece): unknown =>
      JSON.parse(piece.toString()),
    );
    expect(first).toEqual({ id: '7#1', meta: { a: [1] }, text: 'q '.repeat(200) });
    expect(second).toEqual({ id: '7#2', meta: { a: [1] }, text: ' w'.repeat(200) });
    const nested = Buffer.from(JSON.stringify({ doc: { body: 'e'.repeat(900), id: 'x' } }));
    expect(
      cutLine(nested, { ...fields, text: 'doc.body', id: 'doc.id' }, [{ startByte: 450, endByte: 460 }]).map(
        (piece): unknown => JSON.parse(piece.toString()),
      ),
    ).toEqual([{ doc: { body: 'e'.repeat(250), id: 'x#1' } }, { doc: { body: 'e'.repeat(240), id: 'x#2' } }]);
    // Without an id a document is known by its shard and row, and an empty id is none.
    const unnamed = Buffer.from(JSON.stringify({ id: '', text: 'f'.repeat(900) }));
    expect(
      cutLine(unnamed, fields, [{ startByte: 450, endByte: 460 }]).map((piece): unknown =>
        JSON.parse(piece.toString()),
      ),
    ).toEqual([
      { id: '', text: 'f'.repeat(250) },
      { id: '', text: 'f'.repeat(240) },
    ]);
  });

  it('gives pieces of the text, in order, none of which has a byte near a passage', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(5000), fc.integer({ min: 1, max: 300 })), { maxLength: 6 }),
        (ranges) => {
          const text = Array.from({ length: 5000 }, (_, i) => String.fromCharCode(0x4e00 + i)).join('');
          const passages = ranges.map(([start, length]) => ({
            startByte: 3 * start,
            endByte: 3 * Math.min(5000, start + length),
          }));
          let at = 0;
          for (const piece of cutPassages(text, passages)) {
            const from = text.indexOf(piece);
            expect(from).toBeGreaterThanOrEqual(at);
            at = from + piece.length;
            for (const { startByte, endByte } of passages)
              expect(at <= startByte / 3 - 200 || from >= endByte / 3 + 200).toBe(true);
          }
        },
      ),
    );
  });
});
