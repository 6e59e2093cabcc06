import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadFasttext } from '../../../classifier/fasttext/predict.ts';
import { BetrError } from '../../../run/errors/errors.ts';
import { modelBytes, plainShape } from './write-model.ts';
import { rounds } from '../../long.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'betr-fasttext-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const failing = (path: string): unknown => {
  try {
    loadFasttext(path, { fold: false });
    return undefined;
  } catch (error) {
    return error;
  }
};

describe('a file that is no model', () => {
  it.each<[string, Buffer, RegExp]>([
    ['is empty', Buffer.alloc(0), /it ends at byte 0/],
    ['is something else', Buffer.from('{"model": "none"}'.repeat(10)), /it is not a fastText model file/],
    [
      'is of another version',
      (() => {
        const bytes = modelBytes(plainShape);
        bytes.writeInt32LE(11, 4);
        return bytes;
      })(),
      /its format version is 11/,
    ],
    [
      'holds word vectors',
      (() => {
        const bytes = modelBytes(plainShape);
        bytes.writeInt32LE(2, 8 + 7 * 4);
        return bytes;
      })(),
      /word vectors/,
    ],
    [
      'names more entries than it can have',
      (() => {
        const bytes = modelBytes(plainShape);
        bytes.writeInt32LE(2_000_000_000, 64);
        bytes.writeInt32LE(1_999_999_998, 68);
        return bytes;
      })(),
      /it declares \d+ more bytes/,
    ],
  ])('%s', async (what, bytes, message) => {
    const path = join(folder, `bad-${what.replaceAll(' ', '-')}.bin`);
    await writeFile(path, bytes);
    expect(failing(path)).toMatchObject({
      code: 'FASTTEXT_INVALID',
      message: expect.stringMatching(message),
    });
  });

  it('is told from one that is not there', () => {
    expect(failing(join(folder, 'none.bin'))).toMatchObject({ code: 'FILE_NOT_FOUND' });
  });

  it('is told wherever a model is cut short', () => {
    const path = join(folder, 'short.bin');
    for (const shape of [
      plainShape,
      { ...plainShape, quantized: true, norms: true, quantizedOutput: true, pruned: 9, maxn: 3 },
    ]) {
      const bytes = modelBytes(shape);
      fc.assert(
        fc.property(fc.nat(bytes.length - 1), (length) => {
          writeModelBytes(path, bytes.subarray(0, length));
          expect(failing(path)).toMatchObject({ code: 'FASTTEXT_INVALID' });
        }),
        { numRuns: rounds(150) },
      );
    }
  });

  it('never makes more of a damaged file than an error or a finite number', () => {
    const path = join(folder, 'damaged.bin');
    const text = Buffer.from('the naïve x unknown words # a');
    const bytes = modelBytes({
      ...plainShape,
      quantized: true,
      norms: true,
      pruned: 9,
      maxn: 3,
      labels: ['__label__a', '__label__b', '__label__c'],
    });
    const plain = modelBytes({ ...plainShape, loss: 'hs' });
    fc.assert(
      fc.property(
        fc.constantFrom(bytes, plain),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        fc.boolean(),
        (whole, changes, early) => {
          const damaged = Buffer.from(whole);
          // Half of the changes go into the header and dictionary, where every number decides about the rest.
          for (const [at, value] of changes) damaged[at % (early ? 220 : damaged.length)] = value;
          writeModelBytes(path, damaged);
          try {
            const model = loadFasttext(path);
            for (const label of model.labels.keys())
              expect(model.probabilityOf(label, text, 0, text.length)).toBeLessThanOrEqual(1.0001);
          } catch (error) {
            if (!(error instanceof BetrError)) throw error;
            expect(error.code).toBe('FASTTEXT_INVALID');
          }
        },
      ),
      { numRuns: rounds(600) },
    );
  });
});

function writeModelBytes(path: string, bytes: Buffer): void {
  writeFileSync(path, bytes);
}
