import { describe, expect, it } from '@jest/globals';
import { chooseLabel, showLabels, splitLabel } from '../../scoring/scorers/labels.ts';

describe('the label of a classifier', () => {
  it.each([
    [['__label__0', '__label__1'], '', '__label__1'],
    [['__label__lo', '__label__hi'], '', '__label__hi'],
    [['NEGATIVE', 'POSITIVE'], '', 'POSITIVE'],
    [['LABEL_0', 'LABEL_1'], '', 'LABEL_1'],
    [['__label__cc', '__label__hq', '__label__wiki'], 'wiki', '__label__wiki'],
    [['__label__cc', '__label__hq', '__label__wiki'], 'WIKI', '__label__wiki'],
    [['a', 'A', '__label__A'], 'A', 'A'],
    [['__label__a', '__label__A'], 'A', '__label__A'],
    [['a', '__label__a'], '__label__a', '__label__a'],
  ])('of %j with #%s is %s', (labels, asked, chosen) => {
    expect(labels[chooseLabel(labels, asked) ?? -1]).toBe(chosen);
  });

  it.each([
    [['1', '2', '3'], ''],
    [['good', 'bad'], ''],
    [['hq', 'cc'], 'hi'],
    [[], ''],
  ])('of %j with #%s is unclear', (labels, asked) => {
    expect(chooseLabel(labels, asked)).toBeUndefined();
  });

  it('follows the last # of an argument', () => {
    expect(splitLabel('a#b/model.bin#hq')).toEqual({ file: 'a#b/model.bin', label: 'hq' });
    expect(splitLabel('model.bin')).toEqual({ file: 'model.bin', label: '' });
  });

  it('is listed without its prefix in errors, at most twenty', () => {
    expect(showLabels(['__label__a', 'b'])).toBe('"a", "b"');
    expect(showLabels(Array.from({ length: 23 }, (_, i) => `${i}`))).toMatch(/"19" and 3 more$/);
  });
});
