import { expect, it } from '@jest/globals';
import { IdSet } from '../../pairs/id-set.ts';

it('knows every id that was added, however many', () => {
  const ids = new IdSet();
  const names = Array.from({ length: 20_000 }, (_, i) => `row ${i}`);
  expect(names.filter((name) => ids.add(name))).toEqual(names);
  expect(names.filter((name) => ids.add(name))).toEqual([]);
  expect(ids.add('another')).toBe(true);
});
