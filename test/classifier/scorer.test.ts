import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listNgrams, priorNgrams, scoreSlowly } from '../../classifier/features.ts';
import { openKernel } from '../../classifier/kernel.ts';
import { openRandom } from '../../data/seeded-random.ts';
import { loadScorer, type Scorer } from '../../classifier/scorer.ts';
import { openWeights, tableBytes, type Weights, writeWeights } from '../../classifier/weights.ts';
import { rounds } from '../long.ts';
import { anyText, utf8 } from './any-text.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-scorer-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Weights of chance for so many outputs, in a file, as read back by the scorer. */
async function chanceScorer(
  bits: number,
  outputs: number,
): Promise<{ weights: Weights; scorer: Scorer; path: string }> {
  const random = openRandom(outputs);
  const table = Int8Array.from({ length: tableBytes(bits, outputs) }, () => Math.floor(random() * 255) - 127);
  const names = Array.from({ length: outputs }, (_, i) => ({
    name: i === 0 ? 'joint' : `benchmark-${i}`,
    bias: random() - 0.5,
    scale: random(),
  }));
  const weights = openWeights(bits, names, table);
  const path = join(folder, `weights-${bits}-${outputs}.bin`);
  await writeWeights(path, weights);
  return { weights, scorer: await loadScorer(path), path };
}

function scoreAll(scorer: Scorer, texts: readonly Uint8Array[]): Float32Array {
  let end = 0;
  const ends = Uint32Array.from(texts, (text) => (end += text.length));
  const out = new Float32Array(texts.length * scorer.outputs.length);
  scorer.scoreTexts(Buffer.concat(texts), ends, texts.length, out);
  return out;
}

describe('the scorer', () => {
  it.each([
    [12, 1],
    [20, 1],
    [12, 2],
    [16, 7],
    [12, 8],
    [12, 9],
    [12, 17],
  ])('gives the scores of the definition to the last bit (%i bits, %i outputs)', async (bits, outputs) => {
    const { weights, scorer } = await chanceScorer(bits, outputs);
    fc.assert(
      fc.property(fc.array(anyText, { maxLength: 8 }), (texts) => {
        expect(scoreAll(scorer, texts)).toEqual(
          Float32Array.from(texts.flatMap((text) => [...scoreSlowly(weights, text)])),
        );
      }),
      { numRuns: rounds(60) },
    );
  });

  it('does not see where a long document is cut into pieces', async () => {
    const { weights, scorer } = await chanceScorer(12, 2);
    const { pieceBytes } = openKernel(12, 0);
    for (const around of ['word', 'longer-than-eight-bytes longwordlongword', '... ', ' ', 'é漢']) {
      for (let shift = -10; shift <= 10; shift++) {
        const start = utf8('some text here, '.repeat(pieceBytes / 16)).subarray(0, pieceBytes + shift);
        const text = Buffer.concat([start, utf8(around), utf8(' and so on.')]);
        expect(scoreAll(scorer, [text])).toEqual(scoreSlowly(weights, text));
      }
    }
  });

  it('takes a document of 64 MiB, and one word of that length', async () => {
    const { weights, scorer } = await chanceScorer(12, 2);
    const repeats = (64 << 20) / 4;
    const scores = scoreAll(scorer, [Buffer.alloc(64 << 20, 'ab c'), Buffer.alloc(64 << 20, 'x')]);
    // "ab cab cab … cab c": ab, then (repeats − 1) × cab, then c.
    const bin = (text: string): number => listNgrams(utf8(text), 12)[0]?.bin ?? -1;
    const [ab, cab, c] = [bin('ab'), bin('cab'), bin('c')];
    for (const [output, { bias, scale }] of weights.outputs.entries()) {
      const at = (place: number): number => weights.at(place, output);
      const pair = (text: string): number => at(listNgrams(utf8(text), 12)[1]?.bin ?? -1);
      const sum =
        at(ab) +
        at(cab) * (repeats - 1) +
        at(c) +
        pair('ab cab') +
        pair('cab cab') * (repeats - 2) +
        pair('cab c');
      expect(scores[output]).toBe(Math.fround(bias + (scale * sum) / (2 * (repeats + 1) - 1 + priorNgrams)));
      expect(scores[2 + output]).toBe(Math.fround(bias + (scale * at(bin('xxxxxxxx'))) / (1 + priorNgrams)));
    }
  });

  it('never gives -0', async () => {
    const weights = openWeights(12, [{ name: 'joint', bias: -1e-60, scale: 0 }], new Int8Array(2 ** 12));
    const path = join(folder, 'zero.bin');
    await writeWeights(path, weights);
    expect(Object.is(scoreAll(await loadScorer(path), [utf8('text')])[0], 0)).toBe(true);
    expect(Object.is(scoreSlowly(weights, utf8('text'))[0], 0)).toBe(true);
  });

  it('refuses a file that was cut or altered, anywhere', async () => {
    const { path } = await chanceScorer(12, 2);
    const whole = await readFile(path);
    const other = join(folder, 'damaged.bin');
    const damages = [0, 4, 8, 20, 40, 44, 60, 200, whole.length >> 1, whole.length - 1];
    for (const at of damages) {
      await writeFile(other, whole.subarray(0, at));
      await expect(loadScorer(other)).rejects.toMatchObject({
        code: 'FILE_DAMAGED',
        values: { command: 'betr train' },
      });
      const altered = Buffer.from(whole);
      altered[at] = (altered[at] ?? 0) ^ 1;
      await writeFile(other, altered);
      await expect(loadScorer(other)).rejects.toMatchObject({ code: 'FILE_DAMAGED' });
    }
    await expect(loadScorer(join(folder, 'nowhere.bin'))).rejects.toMatchObject({ code: 'STEP_MISSING' });
  });
});
