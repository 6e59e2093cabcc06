// Trains the linear model of all outputs at once: logistic loss on softened labels, balanced classes,
// AdaGrad, early stopping on the held-out loss. Promises: the same bags, labels and seed give the same bits.

import { z } from 'zod';
import type { Report } from '../run/progress.ts';
import { growMemory, openWasm, wasmFunction, wasmMemory, wasmNumber } from '../data/wasm.ts';
import type { Bags } from './bag.ts';
import { priorNgrams } from './features.ts';
import { openRandom, shuffle } from '../data/seeded-random.ts';
import { type Split } from './held-out.ts';
import { type Output, openWeights, tableBytes, tableIndex, type Weights } from './weights.ts';

/**
 * AdaGrad learning rates of the weights (features are shares of a text's n-grams) and of the biases. Best of
 * a grid (docs/classifier.md).
 */
const weightRate = 1.2;
const biasRate = 0.05;
/** Training ends when an epoch lowers the held-out loss by less than this share. */
const leastGain = 0.0003;
const rowFloats = 16;

const exportsSchema = z.object({
  memory: wasmMemory,
  sumsAt: wasmNumber,
  gradientsAt: wasmNumber,
  freeAt: wasmNumber,
  addUp: wasmFunction<(features: number, count: number, table: number) => void>(),
  stepDown: wasmFunction<(features: number, count: number, table: number, rate: number) => void>(),
});

export interface Learning {
  names: readonly string[];
  bits: number;
  bags: Bags;
  /** Softened labels, by output and document. */
  soft: readonly Float32Array[];
  split: Split;
  /** At most this many passes over the training documents. */
  epochs: number;
  seed: number;
}

export interface Learned {
  weights: Weights;
  epochsRun: number;
  /** Mean held-out loss after each epoch. */
  losses: number[];
}

/** Trains and quantizes the weights of the best epoch to one byte each. */
export function learnWeights(
  { names, bits, bags, soft, split, epochs, seed }: Learning,
  report: Report,
): Learned {
  const model = openModel(bits, names.length, bags);
  const balance = soft.map((labels) => balanceOf(labels, split.training));
  const random = openRandom(seed);
  const order = split.training.slice();
  const losses: number[] = [];
  const best = model.emptySnapshot();
  // A fold may leave nothing to learn from; its model then knows nothing.
  const isEmpty = split.training.length === 0 || split.heldOut.length === 0;
  while (!isEmpty && losses.length < epochs) {
    shuffle(order, random);
    for (const document of order) model.learn(document, soft, balance);
    let loss = 0;
    for (const document of split.heldOut) loss += model.lossOf(document, soft, balance);
    const before = losses.at(-1) ?? Number.POSITIVE_INFINITY;
    losses.push(loss / split.heldOut.length / names.length);
    report({ stage: 'train', done: losses.length, total: epochs, unit: 'epochs' });
    const after = losses.at(-1) ?? before;
    if (after < before) model.save(best);
    if (after > before * (1 - leastGain)) break;
  }
  return { weights: quantizeWeights(names, bits, best), epochsRun: losses.length, losses };
}

/**
 * The weight of the positive class that balances the classes, and the mean weight of a document.
 */
interface Balance {
  positive: number;
  mean: number;
}

function balanceOf(labels: Float32Array, training: Uint32Array): Balance {
  let sum = 0;
  for (const document of training) sum += labels[document] ?? 0;
  const share = sum / training.length;
  return { positive: (1 - share) / share, mean: 2 * (1 - share) };
}

interface Snapshot {
  biases: Float64Array;
  /** The weight of an output at a bin. */
  rows: Float32Array;
}

interface Model {
  learn(document: number, soft: readonly Float32Array[], balance: readonly Balance[]): void;
  lossOf(document: number, soft: readonly Float32Array[], balance: readonly Balance[]): number;
  /** The snapshot of a model that has learned nothing. */
  emptySnapshot(): Snapshot;
  save(into: Snapshot): void;
}

/** A model of zeros. WebAssembly memory holds the current document, then one table per eight outputs. */
function openModel(bits: number, outputs: number, { features, ngrams }: Bags): Model {
  const wasm = openWasm(new URL('./learn.wasm', import.meta.url), exportsSchema);
  const groups = Math.ceil(outputs / 8);
  const longest = features.reduce((most, { length }) => Math.max(most, length), 0);
  const tablesAt = Math.ceil((wasm.freeAt + longest * 4) / 64) * 64;
  const groupBytes = 4 * rowFloats * 2 ** bits;
  growMemory(wasm.memory, tablesAt + groups * groupBytes);
  const held = new Uint32Array(wasm.memory.buffer, wasm.freeAt, longest);
  const sums = new Float32Array(wasm.memory.buffer, wasm.sumsAt, 8);
  const gradients = new Float32Array(wasm.memory.buffer, wasm.gradientsAt, 8);
  const logits = new Float64Array(groups * 8);
  const biases = new Float64Array(groups * 8);
  const biasSquares = new Float64Array(groups * 8);

  const predict = (document: number): number => {
    const bag = features[document] ?? held;
    held.set(bag);
    const share = 1 / ((ngrams[document] ?? 0) + priorNgrams);
    for (let group = 0; group < groups; group++) {
      wasm.addUp(wasm.freeAt, bag.length, tablesAt + group * groupBytes);
      for (let lane = 0; lane < 8; lane++)
        logits[group * 8 + lane] = (biases[group * 8 + lane] ?? 0) + (sums[lane] ?? 0) * share;
    }
    return bag.length;
  };

  return {
    learn(document, soft, balance) {
      const count = predict(document);
      const share = 1 / ((ngrams[document] ?? 0) + priorNgrams);
      for (let group = 0; group < groups; group++) {
        for (let lane = 0; lane < 8; lane++) {
          const output = group * 8 + lane;
          const sides = balance[output];
          const label = soft[output]?.[document];
          let gradient = 0;
          if (sides !== undefined && label !== undefined) {
            const probability = 1 / (1 + Math.exp(-(logits[output] ?? 0)));
            gradient = ((1 - label) * probability - sides.positive * label * (1 - probability)) / sides.mean;
            biasSquares[output] = (biasSquares[output] ?? 0) + gradient * gradient;
            if (gradient !== 0)
              biases[output] =
                (biases[output] ?? 0) - (biasRate * gradient) / Math.sqrt(biasSquares[output] ?? 0);
          }
          gradients[lane] = gradient * share;
        }
        wasm.stepDown(wasm.freeAt, count, tablesAt + group * groupBytes, weightRate);
      }
    },
    lossOf(document, soft, balance) {
      predict(document);
      let loss = 0;
      for (const [output, sides] of balance.entries()) {
        const label = soft[output]?.[document] ?? 0;
        const logit = logits[output] ?? 0;
        // ln(1 + e^x) without overflow.
        const negative = Math.max(0, logit) + Math.log1p(Math.exp(-Math.abs(logit)));
        loss += (sides.positive * label * (negative - logit) + (1 - label) * negative) / sides.mean;
      }
      return loss;
    },
    emptySnapshot: () => ({
      biases: new Float64Array(biases.length),
      rows: new Float32Array((groups * groupBytes) / 4),
    }),
    save(into) {
      into.biases.set(biases);
      into.rows.set(new Float32Array(wasm.memory.buffer, tablesAt, into.rows.length));
    },
  };
}

/**
 * One byte per weight and one scale per output. The rounding errors average out over hundreds of weights
 * (measured: .0001 of ROC-AUC).
 */
function quantizeWeights(names: readonly string[], bits: number, { biases, rows }: Snapshot): Weights {
  const bins = 2 ** bits;
  const table = new Int8Array(tableBytes(bits, names.length));
  const stride = tableIndex(bits, names.length, 1, 0);
  const outputs = names.map((name, output): Output => {
    const start = (output >> 3) * bins * rowFloats + (output & 7);
    let largest = 0;
    for (let bin = 0; bin < bins; bin++)
      largest = Math.max(largest, Math.abs(rows[start + bin * rowFloats] ?? 0));
    const scale = largest / 127;
    const first = tableIndex(bits, names.length, 0, output);
    for (let bin = 0; scale > 0 && bin < bins; bin++)
      table[first + bin * stride] = Math.round((rows[start + bin * rowFloats] ?? 0) / scale);
    return { name, bias: biases[output] ?? 0, scale };
  });
  return openWeights(bits, outputs, table);
}
