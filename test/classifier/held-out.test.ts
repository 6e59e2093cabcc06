import { describe, expect, it } from '@jest/globals';
import { drawDocuments, splitDocuments } from '../../classifier/held-out.ts';

const key = (i: number): string => `document-${String(i).padStart(5, '0')}`;

describe('the split', () => {
  it('depends on the keys and the seed alone', () => {
    const keys = Array.from({ length: 1000 }, (_, i) => key(i));
    const heldKeys = (list: string[], seed: number): string[] =>
      Array.from(splitDocuments(list, seed).heldOut, (i) => list[i] ?? '').sort();
    expect(heldKeys(keys.toReversed(), 1)).toEqual(heldKeys(keys, 1));
    expect(heldKeys(keys, 2)).not.toEqual(heldKeys(keys, 1));
    expect(heldKeys(keys, 1)).toHaveLength(200);
    const { training, heldOut } = splitDocuments(keys, 1);
    expect(new Set([...training, ...heldOut]).size).toBe(1000);
  });
});

describe('the documents to measure', () => {
  it('are all, or as many as may be, drawn by key', () => {
    const keys = Array.from({ length: 1000 }, (_, i) => key(i));
    expect([...drawDocuments(keys, 1000, 1)]).toEqual([...keys.keys()]);
    const drawn = drawDocuments(keys, 100, 1);
    expect([...drawn]).toEqual([...new Set(drawn)].toSorted((a, b) => a - b));
    expect(drawn).toHaveLength(100);
    const turned = keys.toReversed();
    expect(new Set(Array.from(drawDocuments(turned, 100, 1), (i) => turned[i]))).toEqual(
      new Set(Array.from(drawn, (i) => keys[i])),
    );
  });
});
