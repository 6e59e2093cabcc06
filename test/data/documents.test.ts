import { describe, expect, it } from '@jest/globals';
import { textOf } from '../../data/documents.ts';

describe('a text of a batch', () => {
  it('is whole, also with a byte order mark, next to others, and in a part of a buffer', () => {
    const texts = ['\ufeffone', '', 'zwei 😀', '\ufeff', 'a\0b'];
    const ends: number[] = [];
    let end = 0;
    for (const text of texts) ends.push((end += Buffer.byteLength(text)));
    const text = new Uint8Array(Buffer.from(`before${texts.join('')}after`)).subarray(6);
    const batch = { text, textEnds: Uint32Array.from(ends) };
    expect(texts.map((_, i) => textOf(batch, i))).toEqual(texts);
  });
});
