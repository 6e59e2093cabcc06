// Folds for cross-fitting: every document is scored by a model that learned from the other folds only. The
// fold follows from the text's n-grams, which are all that the classifier sees. Copies of a text are in the same
// fold, even if they have other keys or differ only in case or spaces, and so are documents outside the sample.

import { join } from 'node:path';
import { keyHash } from '../data/files/hash.ts';
import type { Run } from '../run/run.ts';
import { listNgrams } from './features.ts';
import { type Split, splitDocuments } from './held-out.ts';
import { openKernel } from './kernel.ts';

export const foldCount = 5;

/** The weights of a fold's model. */
export function foldFile({ files }: Run, fold: number): string {
  return join(files.folds, `${fold}.bin`);
}

/** The fold of a text with this many n-grams, whose bins add up to `sum`. */
export function foldOf(ngrams: number, sum: number, seed: number): number {
  return Number(keyHash(`fold\n${ngrams} ${sum}`, seed) % BigInt(foldCount));
}

/**
 * Finds the fold of text.subarray(start, end), UTF-8. `bits` and `seed` are those of the classifier's settings.
 */
export function openFolds(
  bits: number,
  seed: number,
): (text: Uint8Array, start: number, end: number) => number {
  const kernel = openKernel(bits, 0);
  return (text, start, end) => {
    let ngrams = 0;
    let sum = 0;
    kernel.beginDocument();
    for (let at = start; at < end; at += kernel.pieceBytes) {
      const count = kernel.hashPiece(text, at, end);
      ngrams += count;
      for (let i = 0; i < count; i++) sum += kernel.bins[i] ?? 0;
    }
    return foldOf(ngrams, sum, seed);
  };
}

/** The same fold, straight from the definition. */
export function foldSlowly(text: Uint8Array, bits: number, seed: number): number {
  const ngrams = listNgrams(text, bits);
  return foldOf(
    ngrams.length,
    ngrams.reduce((sum, { bin }) => sum + bin, 0),
    seed,
  );
}

/**
 * The split of each fold's model. It trains on documents of the other folds and stops by documents of the other
 * folds: by a fifth of them, as the model of the whole sample does. `folds` has the fold of each document.
 */
export function splitFolds(folds: Uint8Array, keys: readonly string[], seed: number): Split[] {
  return Array.from({ length: foldCount }, (_, fold) => {
    const others = Uint32Array.from(keys.keys()).filter((document) => folds[document] !== fold);
    const { training, heldOut } = splitDocuments(
      Array.from(others, (document) => keys[document] ?? ''),
      seed,
    );
    const placesOf = (chosen: Uint32Array): Uint32Array => chosen.map((place) => others[place] ?? 0);
    return { training: placesOf(training), heldOut: placesOf(heldOut) };
  });
}
