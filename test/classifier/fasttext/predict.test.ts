import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { foldedBest, foldedProbability, openLoss } from '../../../classifier/fasttext/loss.ts';
import { openModelFile } from '../../../classifier/fasttext/model-file.ts';
import { openSlowReader } from './predict-slowly.ts';
import { loadFasttext } from '../../../classifier/fasttext/predict.ts';
import { plainShape, type Shape, writeModel } from './write-model.ts';
import { rounds } from '../../long.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-fasttext-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const words = ['</s>', 'a', 'the', 'naïve', 'x', '漢字', '#', '__label', 'an', '\u00a0', 'word'.repeat(40)];
const anyWord = fc.constantFrom(
  ...words,
  'unknown',
  '__label__hq',
  '__label__other',
  'A',
  '\ufffd',
  'thé',
  '<',
  '>',
  '</s',
  's>',
);
const anyText = fc.oneof(
  fc
    .array(
      fc.tuple(anyWord, fc.constantFrom(' ', '\n', '\t', '\r\n', '\v', '\f', '\0', '\u00a0', '  ', '')),
      { maxLength: 30 },
    )
    .map((parts) => Buffer.from(parts.flat().join(''))),
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
  fc
    .array(fc.constantFrom('</s>', ' ', 'a', '\n'), { maxLength: 8 })
    .map((parts) => Buffer.from(parts.join(''))),
);
const anyShape: fc.Arbitrary<Shape> = fc
  .record({
    dim: fc.integer({ min: 1, max: 9 }),
    labelCount: fc.integer({ min: 1, max: 6 }),
    wordNgrams: fc.integer({ min: 1, max: 4 }),
    minn: fc.integer({ min: 0, max: 3 }),
    maxn: fc.constantFrom(0, 0, 1, 3, 5),
    bucket: fc.integer({ min: 1, max: 60 }),
    loss: fc.constantFrom('hs', 'ns', 'softmax', 'ova'),
    quantized: fc.boolean(),
    norms: fc.boolean(),
    quantizedOutput: fc.boolean(),
    prunedShare: fc.constantFrom(undefined, 0, 0.5),
    seed: fc.nat(1000),
  })
  .map(({ labelCount, prunedShare, ...shape }) => ({
    ...shape,
    words,
    labels: ['__label__hq', ...Array.from({ length: labelCount - 1 }, (_, i) => `__label__${i}`)],
    ...(prunedShare !== undefined && shape.quantized && (shape.wordNgrams > 1 || shape.maxn > 0)
      ? { pruned: Math.floor(shape.bucket * prunedShare) }
      : {}),
  }));

describe('the fast loop', () => {
  it('agrees with the slow definition, bit by bit, on any model and text', () => {
    const path = join(folder, 'any.bin');
    fc.assert(
      fc.property(anyShape, fc.array(anyText, { minLength: 1, maxLength: 5 }), (shape, texts) => {
        writeModel(path, shape);
        const model = openModelFile(path);
        const slow = openSlowReader(model);
        const loss = openLoss(model);
        const fast = loadFasttext(path, { fold: false });
        const all = Buffer.concat(texts);
        let start = 0;
        for (const text of texts) {
          const end = start + text.length;
          const hidden = slow.hiddenOf(text);
          expect(fast.best(all, start, end)).toEqual(hidden && loss.best(hidden));
          for (const label of shape.labels.keys())
            expect(fast.probabilityOf(label, all, start, end)).toBe(
              hidden === undefined ? 0 : loss.probabilityOf(label, hidden),
            );
          start = end;
        }
        model.close();
      }),
      { numRuns: rounds(400) },
    );
  });

  it('gives a folded model the same labels, and probabilities within 1e-5', () => {
    const path = join(folder, 'folded.bin');
    const twoLabels = anyShape.map((shape) => ({
      ...shape,
      labels: ['__label__hq', '__label__cc'],
      loss: 'softmax' as const,
    }));
    fc.assert(
      fc.property(twoLabels, anyText, (shape, text) => {
        writeModel(path, shape);
        const whole = loadFasttext(path, { fold: false });
        const folded = loadFasttext(path);
        expect(folded.folded).toBe(true);
        const expected = whole.best(text, 0, text.length);
        const got = folded.best(text, 0, text.length);
        if (expected === undefined || Math.abs(expected.probability - 0.5) > 1e-4)
          expect(got?.label).toBe(expected?.label);
        for (const label of [0, 1])
          expect(
            Math.abs(
              folded.probabilityOf(label, text, 0, text.length) -
                whole.probabilityOf(label, text, 0, text.length),
            ),
          ).toBeLessThan(1e-5);
      }),
      { numRuns: rounds(300) },
    );
  });

  it('takes texts of any length, one after the other', () => {
    writeModel(join(folder, 'long.bin'), { ...plainShape, wordNgrams: 3, maxn: 3 });
    const model = loadFasttext(join(folder, 'long.bin'));
    const short = Buffer.from('the naïve x');
    const before = model.probabilityOf(0, short, 0, short.length);
    for (const long of ['a '.repeat(3_000_000), 'y'.repeat(5_000_000)]) {
      const text = Buffer.from(long);
      expect(model.probabilityOf(0, text, 0, text.length)).toBeGreaterThan(0);
    }
    expect(model.probabilityOf(0, short, 0, short.length)).toBe(before);
  });
});

describe('the losses', () => {
  it('give the later label where two are equal, and 1e-5 more than the probability', () => {
    expect(foldedBest(0)).toMatchObject({ label: 1 });
    expect(foldedProbability(0, 0)).toBeCloseTo(0.50001, 6);
    expect(foldedProbability(1, Math.log(3))).toBeCloseTo(0.75001, 6);
    expect(foldedProbability(0, 1000)).toBeCloseTo(1e-5, 8);
  });
});
