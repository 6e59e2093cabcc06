import { describe, expect, it } from '@jest/globals';
import { splitDocuments } from '../../classifier/held-out.ts';

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
