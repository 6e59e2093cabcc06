// Scores texts with trained weights: all outputs in one pass over the bytes. Promises: the scores that
// features.ts defines, to the last bit, for any batches, pieces and workers; memory does not grow with a
// document's length.

import { priorNgrams } from './features.ts';
import { openKernel } from './kernel.ts';
import { readWeights } from './weights.ts';

export interface Scorer {
  /** SHA-256 of the weights file, as hex. */
  fingerprint: string;
  /** 'joint', then the benchmarks with their own output. */
  outputs: string[];
  /**
   * Scores `count` documents: text i is text.subarray(textEnds[i − 1] ?? 0, textEnds[i]), UTF-8; out[i ·
   * outputs.length + o] becomes the score of output o, higher is better, 0 the middle between the classes.
   * Every score is finite and never −0.
   */
  scoreTexts(text: Uint8Array, textEnds: Uint32Array, count: number, out: Float32Array): void;
}

/** Loads weights.bin. Errors: STEP_MISSING, FILE_UNREADABLE, FILE_DAMAGED. */
export async function loadScorer(weightsPath: string): Promise<Scorer> {
  const { bits, outputs, table, sha256 } = await readWeights(weightsPath);
  const kernel = openKernel(bits, table.length);
  kernel.weights.set(table);
  const groups = outputs.length === 1 ? 0 : Math.ceil(outputs.length / 8);
  const sums = new Float64Array(Math.max(1, groups * 8));
  const biases = Float64Array.from(outputs, ({ bias }) => bias);
  const scales = Float64Array.from(outputs, ({ scale }) => scale);

  /**
   * Puts the document's sums of weights into `sums` and returns its number of n-grams. The sums are integers:
   * exact up to 2^53.
   */
  const sumDocument = (text: Uint8Array, start: number, end: number): number => {
    let ngrams = 0;
    sums.fill(0);
    kernel.beginDocument();
    for (let at = start; at < end; at += kernel.pieceBytes) {
      const count = kernel.hashPiece(text, at, end);
      ngrams += count;
      if (groups === 0) sums[0] = (sums[0] ?? 0) + kernel.sumOne(count);
      for (let group = 0; group < groups; group++) {
        kernel.sumEight(count, group);
        for (let lane = 0; lane < 8; lane++)
          sums[group * 8 + lane] = (sums[group * 8 + lane] ?? 0) + (kernel.sums[lane] ?? 0);
      }
    }
    return ngrams;
  };

  return {
    fingerprint: sha256,
    outputs: outputs.map(({ name }) => name),
    scoreTexts(text, textEnds, count, out) {
      let start = 0;
      for (let i = 0; i < count; i++) {
        const end = textEnds[i] ?? start;
        const divisor = sumDocument(text, start, end) + priorNgrams;
        for (let o = 0; o < biases.length; o++) {
          const score = (biases[o] ?? 0) + ((scales[o] ?? 0) * (sums[o] ?? 0)) / divisor;
          // + 0 turns -0 into 0, also if rounding to float32 made it.
          out[i * biases.length + o] = Math.fround(score) + 0;
        }
        start = end;
      }
    },
  };
}
