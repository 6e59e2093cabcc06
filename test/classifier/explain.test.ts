import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Contribution, explainScore } from '../../classifier/explain.ts';
import { listNgrams, scoreSlowly } from '../../classifier/features.ts';
import { openRandom } from '../../data/seeded-random.ts';
import { loadScorer, type Scorer } from '../../classifier/scorer.ts';
import { openWeights, tableBytes, type Weights, writeWeights } from '../../classifier/weights.ts';
import { rounds } from '../long.ts';

const bits = 14;
let folder: string;
let weights: Weights;
let scorer: Scorer;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-explain-'));
  const random = openRandom(7);
  // Many weights are 0, as pruned bins are.
  const table = Int8Array.from({ length: tableBytes(bits, 3) }, () =>
    random() < 0.3 ? 0 : Math.floor(random() * 255) - 127,
  );
  weights = openWeights(
    bits,
    ['joint', 'alpha', 'beta'].map((name) => ({ name, bias: random() - 0.5, scale: random() / 3 })),
    table,
  );
  await writeWeights(join(folder, 'weights.bin'), weights);
  scorer = await loadScorer(join(folder, 'weights.bin'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const words = fc.constantFrom(
  'The',
  'the',
  'x_1',
  "don't",
  '3.14',
  'naïve',
  '漢字',
  '🙂',
  '👩‍🚀',
  'e\u0301',
  '\u007f',
  ' ',
  '\n',
  '\t',
  '--',
  '{[@',
  'a'.repeat(70),
);
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 200 }),
  fc.string({ unit: 'grapheme', maxLength: 200 }),
  fc.array(words, { maxLength: 120 }).map((parts) => parts.join('')),
);
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const everything = { ngrams: Infinity, places: Infinity };

function scoreOf(text: Uint8Array, output: number): number {
  const out = new Float32Array(3);
  scorer.scoreTexts(text, Uint32Array.of(text.length), 1, out);
  return out[output] ?? Number.NaN;
}

/** The places of every n-gram, straight from the definition: tokens by a plain scan over the characters. */
function placesOf(text: string): { bin: number; start: number; end: number }[] {
  const tokens = [...text.matchAll(/[A-Za-z0-9_\u0080-\u{10ffff}]+|[!-/:-@[-^`{-~]/gu)].map(
    ({ index, 0: token }) => ({ start: index, end: index + token.length }),
  );
  const bins = listNgrams(utf8(text), bits).map(({ bin }) => bin);
  let next = 0;
  return tokens.flatMap(({ start, end }, i) => [
    ...(i === 0 ? [] : [{ bin: bins[next++] ?? -1, start: tokens[i - 1]?.start ?? -1, end }]),
    { bin: bins[next++] ?? -1, start, end },
  ]);
}

describe('an explanation', () => {
  it('adds up to the score, exactly, in whatever part it is shown', () => {
    fc.assert(
      fc.property(anyText, fc.nat(12), fc.nat(2), (text, most, output) => {
        const name = weights.outputs[output]?.name ?? '';
        const explained = explainScore(weights, name, utf8(text), { ngrams: most, places: 3 });
        const shown = [...explained.up, ...explained.down];
        expect(explained.score).toBe(scoreOf(utf8(text), output));
        expect(explained.score).toBe(scoreSlowly(weights, utf8(text))[output]);
        expect(shown.reduce((sum, { weight }) => sum + weight, explained.others.weight)).toBe(
          explained.weight,
        );
        expect(shown.reduce((sum, { count }) => sum + count, explained.others.count)).toBe(explained.ngrams);
        expect(explained.ngrams).toBe(listNgrams(utf8(text), bits).length);
        // In the model's arithmetic: whole numbers are added, then there is one product, one quotient and one
        // rounding.
        const { scale = 0, bias = 0 } = weights.outputs[output] ?? {};
        expect(Math.fround(bias + (scale * explained.weight) / (explained.ngrams + 256)) + 0).toBe(
          explained.score,
        );
        // And as a reader adds the parts up, within what doubles lose.
        const added = shown.reduce(
          (sum, { contribution }) => sum + contribution,
          explained.bias + explained.others.contribution,
        );
        expect(Math.abs(added - explained.score)).toBeLessThan(1e-6);
      }),
      { numRuns: rounds(400) },
    );
  });

  it('gives every n-gram its weight, its count and its places, in bytes and in characters', () => {
    fc.assert(
      fc.property(
        anyText.map((text) => text.toWellFormed()),
        (text) => {
          const { up, down } = explainScore(weights, 'alpha', utf8(text), everything);
          const expected = new Map<number, { start: number; end: number }[]>();
          for (const { bin, start, end } of placesOf(text))
            if (weights.at(bin, 1) !== 0) expected.set(bin, [...(expected.get(bin) ?? []), { start, end }]);
          const seen = new Set<number>();
          for (const { ngram, count, weight, places } of [...up, ...down]) {
            const bin =
              placesOf(text).find(
                ({ start, end }) => start === places[0]?.characters[0] && end === places[0].characters[1],
              )?.bin ?? -1;
            seen.add(bin);
            expect(weight).toBe(count * weights.at(bin, 1));
            expect(places.map(({ characters: [start, end] }) => ({ start, end }))).toEqual(expected.get(bin));
            for (const { bytes, characters } of places)
              expect(Buffer.from(utf8(text).subarray(...bytes)).toString()).toBe(text.slice(...characters));
            expect(listNgrams(utf8(ngram), bits).map((other) => other.bin)).toContain(bin);
          }
          expect(seen).toEqual(new Set(expected.keys()));
        },
      ),
      { numRuns: rounds(300) },
    );
  });

  it('puts what moves the score most first, and keeps within the limits', () => {
    const text = utf8('alpha beta gamma, alpha beta; delta? '.repeat(40));
    const all = explainScore(weights, 'joint', text, everything);
    const some = explainScore(weights, 'joint', text, { ngrams: 3, places: 2 });
    const sizes = (side: readonly Contribution[]): number[] => side.map(({ weight }) => Math.abs(weight));
    for (const side of [all.up, all.down]) expect(sizes(side)).toEqual(sizes(side).toSorted((a, b) => b - a));
    const cut = (side: readonly Contribution[]): Contribution[] =>
      side.slice(0, 3).map((one) => ({ ...one, places: one.places.slice(0, 2) }));
    expect([some.up, some.down]).toEqual([cut(all.up), cut(all.down)]);
    expect(all.others.weight).toBe(0);
    expect(some.score).toBe(all.score);
  });

  it('names a bigram by its two tokens, whatever stands between them', () => {
    const { up, down } = explainScore(weights, 'joint', utf8('Grüße \n\t Straße'), everything);
    expect([...up, ...down].every(({ ngram }) => ['Grüße', 'Grüße Straße', 'Straße'].includes(ngram))).toBe(
      true,
    );
  });

  it('takes a long document, and one word of megabytes', () => {
    const long = utf8(`${'x'.repeat(3 << 20)} ${'some words go on, '.repeat(20_000)}`);
    const explained = explainScore(weights, 'beta', long, { ngrams: 10, places: 5 });
    expect(explained.score).toBe(scoreOf(long, 2));
    for (const { ngram } of [...explained.up, ...explained.down]) expect(ngram.length).toBeLessThan(200);
  });

  it('of an empty text is the bias', () => {
    const { score, up, down, others } = explainScore(weights, 'joint', utf8(''), everything);
    expect(score).toBe(Math.fround(weights.outputs[0]?.bias ?? 0));
    expect([up, down, others.count]).toEqual([[], [], 0]);
  });

  it('is refused for an output that there is not', () => {
    expect(() => explainScore(weights, 'gamma', utf8('x'), everything)).toThrow(
      /a benchmark with its own score: alpha, beta/,
    );
  });
});
