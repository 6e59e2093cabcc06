import { describe, expect, it } from '@jest/globals';
import { openBoundedCache } from '../../data/bounded-cache.ts';

describe('a bounded cache', () => {
  it('lets go of what was used longest ago', () => {
    const cache = openBoundedCache<string, number>(2);
    cache.set('a', 1);
    cache.set('b', 2);
    expect(cache.get('a')).toBe(1);
    cache.set('c', 3);
    expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual([1, undefined, 3]);
    cache.set('c', 4);
    cache.delete('a');
    expect([cache.get('a'), cache.get('c')]).toEqual([undefined, 4]);
  });
});
