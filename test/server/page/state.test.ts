import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  defaultSizes,
  groundQuery,
  nextSets,
  questionQuery,
  readState,
  type State,
  unreadIn,
  writeState,
} from '../../../server/page/state.ts';

const amount = fc.option(fc.double({ min: 1, max: 1e15, noNaN: true }), { nil: undefined });
const name = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,8}$/);

const anyState: fc.Arbitrary<State> = fc.record({
  budget: fc
    .tuple(fc.integer({ min: 100, max: 999 }), fc.integer({ min: 14, max: 24 }))
    .map(([digits, power]) => Number(`${digits / 100}e${power}`)),
  score: fc.option(
    fc.double({ min: -1e9, max: 1e9, noNaN: true }).map((score) => score + 0),
    { nil: undefined },
  ),
  pool: fc.option(name, { nil: undefined }),
  poolTokens: amount,
  tokensPerParam: amount,
  maxEpochs: amount,
  without: fc.uniqueArray(name, { maxLength: 4 }),
  sizes: fc.uniqueArray(fc.constantFrom('0.4B', '1B', '70B'), { minLength: 1 }),
  document: fc.option(fc.record({ shard: fc.stringMatching(/^[0-9a-f]{16}$/), row: fc.nat() }), {
    nil: undefined,
  }),
});

describe('the address', () => {
  it('says the whole state', () => {
    fc.assert(fc.property(anyState, (state) => expect(readState(writeState(state))).toEqual(state)));
  });

  it('is short for the defaults', () => {
    expect(writeState(readState(''))).toBe('?budget=1e21');
    expect(readState('').sizes).toEqual(defaultSizes);
  });

  it('can be read by a person', () => {
    expect(writeState(readState('?budget=1.5e20&without=mmlu,piqa&poolTokens=6.3T'))).toBe(
      '?poolTokens=6300000000000&without=mmlu,piqa&budget=1.5e20',
    );
  });

  it('takes what it cannot read for not said', () => {
    expect(readState('?budget=lots&row=-1&shard=a&maxEpochs=x')).toEqual(readState(''));
  });
});

describe('unreadIn', () => {
  it('names what an address says that cannot be read', () => {
    expect(unreadIn('?budget=banana&poolTokens=6.3T&maxEpochs=0&sizes=1B,lots')).toEqual([
      'budget=banana',
      'maxEpochs=0',
      'sizes=lots',
    ]);
    expect(unreadIn('?budget=1e21&sizes=1B')).toEqual([]);
    expect(unreadIn('')).toEqual([]);
  });
});

describe('the question', () => {
  it('leaves the budget out where the answer does not depend on it', () => {
    expect(groundQuery(readState('?budget=1e20&maxEpochs=2')).toString()).toBe('maxEpochs=2');
  });

  it('is about the model that the law is about', () => {
    expect(questionQuery(readState('?pool=nemotron-cc-6.6b&budget=1e22')).get('params')).toBe('6600000000');
    expect(questionQuery(readState('?pool=nemotron-cc&budget=1e22')).has('params')).toBe(false);
  });
});

describe('nextSets', () => {
  it('has every set that is one press of a switch away, as the switches write it', () => {
    expect(nextSets([], ['a', 'b', 'c'])).toEqual([['a'], ['b'], ['c']]);
    expect(nextSets(['b'], ['a', 'b', 'c', 'd'])).toEqual([
      ['a', 'b'],
      ['b', 'c'],
      ['b', 'd'],
    ]);
  });

  it('leaves out what is known already, and what no switch can choose', () => {
    expect(nextSets(['a'], ['a', 'b'])).toEqual([]);
    expect(nextSets([], [])).toEqual([]);
  });
});
