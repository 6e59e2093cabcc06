import { describe, expect, it } from '@jest/globals';
import { openBoundedCache } from '../../../data/files/bounded-cache.ts';

describe('a bounded cache', () => {
  it('evicts the least recently used value', () => {
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

  it('bounds the size of its values if they have one', () => {
    const cache = openBoundedCache<string, string>(5, (value) => value.length);
    cache.set('a', 'xx');
    cache.set('b', 'xxx');
    cache.set('a', 'x');
    cache.set('c', 'x');
    expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual(['x', 'xxx', 'x']);
    cache.set('d', 'xx');
    expect([cache.get('a'), cache.get('b'), cache.get('c'), cache.get('d')]).toEqual([
      undefined,
      undefined,
      'x',
      'xx',
    ]);
    cache.set('e', 'far too large');
    expect(['a', 'b', 'c', 'd', 'e'].map((key) => cache.get(key))).toEqual([
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});
