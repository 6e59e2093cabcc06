// A fastText model in the memory of the WebAssembly kernel, which sums the rows of a text (predict.as.ts).

import { z } from 'zod';
import { growMemory, openWasm, wasmFunction, wasmMemory, wasmNumber } from '../../data/wasm.ts';
import type { FasttextModel } from './model-file.ts';

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
export function openReader(model: FasttextModel, width: number, convert: Convert): Reader {
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
