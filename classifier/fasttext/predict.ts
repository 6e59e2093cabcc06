// Predicts with a fastText model, fast. Promises: the labels and probabilities of the fasttext program;
// memory grows only with the longest text. A softmax model with two labels is folded: both outputs are linear
// in the mean of the rows, so each row becomes one float, its product with the difference of the output rows.
// Speed and memory then do not depend on the dimensions.

import { BetrError, fail, reasonOf } from '../../run/errors/errors.ts';
import { type Best, foldedBest, foldedProbability, openLoss } from './loss.ts';
import { type FasttextModel, openModelFile } from './model-file.ts';
import { openReader } from './kernel.ts';

export interface Fasttext {
  /** In the order of the file: most frequent in training first. */
  labels: string[];
  folded: boolean;
  /**
   * What `fasttext predict-prob` prints for the text [start, end) as one line; undefined if it prints
   * nothing.
   */
  best(text: Uint8Array, start: number, end: number): Best | undefined;
  /** What it prints for a label when all are requested; 0 if it prints nothing. */
  probabilityOf(label: number, text: Uint8Array, start: number, end: number): number;
}

/**
 * Loads a model; `fold` false keeps a two-label model as it is. Errors: FILE_NOT_FOUND, FILE_UNREADABLE,
 * FASTTEXT_INVALID.
 */
export function loadFasttext(path: string, { fold = true }: { fold?: boolean } = {}): Fasttext {
  const model = openModelFile(path);
  try {
    const labels = model.labels.map(({ name }) => name);
    return fold && labels.length === 2 && model.args.loss === 'softmax'
      ? { labels, folded: true, ...openFoldedModel(model) }
      : { labels, folded: false, ...openWholeModel(model) };
  } catch (error) {
    throw error instanceof BetrError
      ? error
      : fail('FASTTEXT_INVALID', { path, problem: reasonOf(error) }, error);
  } finally {
    model.close();
  }
}

type Predictions = Pick<Fasttext, 'best' | 'probabilityOf'>;

function openWholeModel(model: FasttextModel): Predictions {
  const { dim } = model.args;
  const width = Math.ceil(dim / 4) * 4;
  const loss = openLoss(model);
  const reader = openReader(model, width, (values, norms, rows) => {
    for (let row = 0; row < values.length / dim; row++) {
      for (let d = 0; d < dim; d++)
        rows[row * width + d] = (values[row * dim + d] ?? 0) * (norms?.[row] ?? 1);
    }
  });
  const hidden = new Float32Array(dim);
  const read = (text: Uint8Array, start: number, end: number): boolean => {
    const rows = reader.sum(text, start, end);
    const sums = reader.floatSums();
    const scale = Math.fround(1 / rows);
    for (let d = 0; d < dim; d++) hidden[d] = (sums[d] ?? 0) * scale;
    return rows > 0;
  };
  return {
    best: (text, start, end) => (read(text, start, end) ? loss.best(hidden) : undefined),
    probabilityOf: (label, text, start, end) =>
      read(text, start, end) ? loss.probabilityOf(label, hidden) : 0,
  };
}

function openFoldedModel(model: FasttextModel): Predictions {
  const { dim } = model.args;
  const difference = new Float64Array(dim);
  model.output.eachBlock(2, (first, values, norms) => {
    for (let i = 0; i < values.length; i++) {
      const row = first + Math.floor(i / dim);
      difference[i % dim] =
        (difference[i % dim] ?? 0) + (row === 1 ? 1 : -1) * (values[i] ?? 0) * (norms?.[row] ?? 1);
    }
  });
  const reader = openReader(model, 1, (values, norms, rows) => {
    for (let row = 0; row < rows.length; row++) {
      let product = 0;
      for (let d = 0; d < dim; d++) product += (values[row * dim + d] ?? 0) * (difference[d] ?? 0);
      rows[row] = product * (norms?.[row] ?? 1);
    }
  });
  return {
    best(text, start, end) {
      const rows = reader.sum(text, start, end);
      return rows === 0 ? undefined : foldedBest(reader.foldedSum() / rows);
    },
    probabilityOf(label, text, start, end) {
      const rows = reader.sum(text, start, end);
      return rows === 0 ? 0 : foldedProbability(label, reader.foldedSum() / rows);
    },
  };
}
