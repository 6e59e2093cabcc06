// Texts as bags of bins for training: each distinct bin with its count, in 32 bits. A million documents take
// 1 to 2 GB.

import { priorNgrams } from './features.ts';
import { openKernel } from './kernel.ts';
import { tableIndex, type Weights } from './weights.ts';

const largestCount = 255;
const chunkFeatures = 1 << 22;

export interface Bags {
  /** Features of each document: bin in the lower 24 bits, count (at most 255) in the upper 8. */
  features: Uint32Array[];
  /** N-grams of each document, including repeated and pruned ones. */
  ngrams: Float64Array;
  /** The sum of each document's bins, which `foldOf` needs. */
  sums: Float64Array;
}

export interface BagFiller {
  bags: Bags;
  add: (document: number, text: Uint8Array) => void;
}

/** Opens empty bags for `documents` documents and 2^bits bins. */
export function openBags(documents: number, bits: number): BagFiller {
  const kernel = openKernel(bits, 0);
  const bags: Bags = {
    features: new Array<Uint32Array>(documents).fill(new Uint32Array(0)),
    ngrams: new Float64Array(documents),
    sums: new Float64Array(documents),
  };
  const counts = new Uint8Array(2 ** bits);
  const distinct = new Uint32Array(2 ** bits);
  let chunk = new Uint32Array(chunkFeatures);
  let used = 0;
  return {
    bags,
    add(document, text) {
      let found = 0;
      let ngrams = 0;
      let sum = 0;
      kernel.beginDocument();
      for (let at = 0; at < text.length; at += kernel.pieceBytes) {
        const count = kernel.hashPiece(text, at, text.length);
        ngrams += count;
        // Invariant: counts is 0 except at the bins distinct[0 … found).
        for (let i = 0; i < count; i++) {
          const bin = kernel.bins[i] ?? 0;
          sum += bin;
          const times = counts[bin] ?? 0;
          if (times === 0) distinct[found++] = bin;
          if (times < largestCount) counts[bin] = times + 1;
        }
      }
      if (used + found > chunk.length) {
        chunk = new Uint32Array(Math.max(chunkFeatures, found));
        used = 0;
      }
      for (let i = 0; i < found; i++) {
        const bin = distinct[i] ?? 0;
        chunk[used + i] = bin | ((counts[bin] ?? 0) << 24);
        counts[bin] = 0;
      }
      bags.features[document] = chunk.subarray(used, used + found);
      bags.ngrams[document] = ngrams;
      bags.sums[document] = sum;
      used += found;
    },
  };
}

/** The bags without rare bins, and the number of bins left. */
export interface PrunedBags {
  bags: Bags;
  binsUsed: number;
}

/**
 * Leaves out the bins that occur in fewer than `minCount` of the `training` documents. The result is a view:
 * each document's features are reordered, the remaining ones first, and the next call starts from all of them.
 */
export function pruneBags(bags: Bags, training: Uint32Array, bits: number, minCount: number): PrunedBags {
  const documents = new Uint32Array(2 ** bits);
  for (const document of training) {
    for (const feature of bags.features[document] ?? []) {
      const bin = feature & 0xff_ffff;
      documents[bin] = (documents[bin] ?? 0) + 1;
    }
  }
  const rare = new Uint32Array(bags.features.reduce((most, { length }) => Math.max(most, length), 0));
  const features = bags.features.map((all) => {
    let kept = 0;
    let left = 0;
    for (const feature of all) {
      if ((documents[feature & 0xff_ffff] ?? 0) >= minCount) all[kept++] = feature;
      else rare[left++] = feature;
    }
    all.set(rare.subarray(0, left), kept);
    return all.subarray(0, kept);
  });
  return {
    bags: { ...bags, features },
    binsUsed: documents.reduce((left, seen) => left + (seen >= minCount ? 1 : 0), 0),
  };
}

/**
 * Scores documents from their bags into `out`, one score for each output. They are the scorer's, except that a bin
 * counts at most 255 times.
 */
export function openBagScorer(
  { bits, outputs, table }: Weights,
  { features, ngrams }: Bags,
): (document: number, out: Float64Array) => void {
  const stride = tableIndex(bits, outputs.length, 1, 0);
  const firsts = Uint32Array.from(outputs.keys(), (output) => tableIndex(bits, outputs.length, 0, output));
  const biases = Float64Array.from(outputs, ({ bias }) => bias);
  const scales = Float64Array.from(outputs, ({ scale }) => scale);
  return (document, out) => {
    out.fill(0);
    for (const feature of features[document] ?? []) {
      const at = (feature & 0xff_ffff) * stride;
      const count = feature >>> 24;
      for (let o = 0; o < firsts.length; o++)
        out[o] = (out[o] ?? 0) + count * (table[(firsts[o] ?? 0) + at] ?? 0);
    }
    const divisor = (ngrams[document] ?? 0) + priorNgrams;
    for (let o = 0; o < firsts.length; o++)
      out[o] = (biases[o] ?? 0) + ((scales[o] ?? 0) * (out[o] ?? 0)) / divisor;
  };
}
