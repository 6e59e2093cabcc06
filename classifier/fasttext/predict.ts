// Predicts with a fastText model, fast. Promises: the labels and probabilities of the fasttext program;
// memory grows only with the longest text. A softmax model with two labels is folded: both outputs are linear
// in the mean of the rows, so each row becomes one float, its product with the difference of the output rows.
// Speed and memory then do not depend on the dimensions.

import { z } from 'zod';
import { BetrError, fail, reasonOf } from '../../run/errors/errors.ts';
import { growMemory, openWasm, wasmFunction, wasmMemory, wasmNumber } from '../../data/wasm.ts';
import { type Best, foldedBest, foldedProbability, openLoss } from './loss.ts';
import { type FasttextModel, openModelFile } from './model-file.ts';

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

const exportsSchema = z.object({
  memory: wasmMemory,
  modelAt: wasmNumber,
  sumAt: wasmNumber,
  freeAt: wasmNumber,
  openModel: wasmFunction<() => void>(),
  sumText: wasmFunction<(from: number, to: number, hashesAt: number) => number>(),
});

interface Reader {
  /** Sums the rows of a text and returns their number. */
  sum(text: Uint8Array, start: number, end: number): number;
  floatSums(): Float32Array;
  foldedSum(): number;
}

/** Converts a block of the model's rows to the kernel's rows of `width` floats, initially 0. */
type Convert = (values: Float32Array, norms: Float32Array | undefined, rows: Float32Array) => void;

const mostBytes = 2 ** 32 - 2 ** 16;

/**
 * Puts a model into the kernel's memory: dictionary, rows, then room for a text and its hashes.
 */
function openReader(model: FasttextModel, width: number, convert: Convert): Reader {
  const wasm = openWasm(new URL('./predict.wasm', import.meta.url), exportsSchema);
  const { args, entries, words, bucketRows } = model;
  const slotCount = 2 ** Math.ceil(Math.log2(Math.max(2, entries.ends.length * 2)));
  const rowCount = model.input.rows;
  let end = wasm.freeAt;
  const place = (bytes: number): number => {
    const at = Math.ceil(end / 16) * 16;
    end = at + bytes;
    return at;
  };
  const bytesAt = place(entries.bytes.length + 16);
  const endsAt = place(entries.ends.length * 4);
  const slotsAt = place(slotCount * 8);
  const prunedAt = bucketRows === undefined ? 0 : place(bucketRows.length * 4);
  const rowsAt = place(rowCount * width * 4);
  const textAt = place(0) + 16;
  if (textAt > mostBytes)
    throw new Error(`it needs ${(textAt / 1e9).toFixed(1)} GB of memory; the limit is 4 GB`);
  growMemory(wasm.memory, textAt);
  const { buffer } = wasm.memory;
  new Uint8Array(buffer).set(entries.bytes, bytesAt);
  new Uint32Array(buffer, endsAt).set(entries.ends);
  fillSlots(new Uint32Array(buffer, slotsAt, slotCount * 2), entries);
  if (bucketRows !== undefined) new Int32Array(buffer, prunedAt).set(bucketRows);
  model.input.eachBlock(rowCount, (first, values, norms) =>
    convert(
      values,
      norms,
      new Float32Array(buffer, rowsAt + first * width * 4, (values.length / args.dim) * width),
    ),
  );
  new Int32Array(buffer, wasm.modelAt).set([
    bytesAt,
    endsAt,
    slotsAt,
    slotCount - 1,
    words,
    rowsAt,
    width,
    args.bucket,
    prunedAt,
    args.wordNgrams,
    args.minn,
    args.maxn,
  ]);
  wasm.openModel();
  return {
    sum(text, start, stop) {
      const length = stop - start;
      // A 4-byte hash per word: at most one word per two bytes of text, plus one for the end.
      const hashesAt = textAt + Math.ceil((length + 1) / 16) * 16;
      growMemory(wasm.memory, hashesAt + 2 * length + 16);
      new Uint8Array(wasm.memory.buffer, textAt, length).set(text.subarray(start, stop));
      return wasm.sumText(textAt, textAt + length, hashesAt);
    },
    floatSums: () => new Float32Array(wasm.memory.buffer, wasm.sumAt, width),
    foldedSum: () => new Float64Array(wasm.memory.buffer, wasm.sumAt, 1)[0] ?? 0,
  };
}

/** The dictionary as a table of (hash, entry + 1). Of equal entries the last one counts, as in fastText. */
function fillSlots(slots: Uint32Array, { bytes, ends }: FasttextModel['entries']): void {
  const mask = slots.length / 2 - 1;
  for (let entry = ends.length - 1; entry >= 0; entry--) {
    const hash = hashBytes(bytes, ends[entry - 1] ?? 0, ends[entry] ?? 0);
    let slot = hash & mask;
    while ((slots[2 * slot + 1] ?? 0) !== 0) slot = (slot + 1) & mask;
    slots[2 * slot] = hash;
    slots[2 * slot + 1] = entry + 1;
  }
}

function hashBytes(bytes: Buffer, from: number, to: number): number {
  let hash = 2166136261;
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ (((bytes[i] ?? 0) << 24) >> 24), 16777619);
  return hash >>> 0;
}
