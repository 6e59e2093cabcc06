// The host side of score.as.ts: passes a document piece by piece, so memory does not grow with its length.

import { z } from 'zod';
import { growMemory, openWasm, wasmFunction, wasmMemory, wasmNumber } from '../data/wasm.ts';

const exportsSchema = z.object({
  memory: wasmMemory,
  pieceBytes: wasmNumber,
  lookAheadBytes: wasmNumber,
  textAt: wasmNumber,
  binsAt: wasmNumber,
  sumsAt: wasmNumber,
  weightsAt: wasmNumber,
  beginDocument: wasmFunction<() => void>(),
  hashPiece: wasmFunction<(known: number, bits: number) => number>(),
  sumOne: wasmFunction<(count: number) => number>(),
  sumEight: wasmFunction<(count: number, table: number) => void>(),
});

export interface Kernel {
  /** A document is hashed from its start, in steps of this many bytes, after `beginDocument`. */
  pieceBytes: number;
  beginDocument(): void;
  /**
   * Hashes the piece that starts at `at` of a document that ends at `end` into `bins`. Returns how many
   * n-grams end in the piece.
   */
  hashPiece(text: Uint8Array, at: number, end: number): number;
  bins: Uint32Array;
  /** The weights as the sums read them (layout: weights.ts). */
  weights: Int8Array;
  /** The sum of the first `count` bins' weights, one byte per bin. */
  sumOne(count: number): number;
  /** Writes the sums of the eight outputs of table `group` into `sums`. */
  sumEight(count: number, group: number): void;
  sums: Int32Array;
}

/**
 * Opens a separate kernel for a table of 2^bits bins and `weightBytes` of weights (0: only hashes).
 */
export function openKernel(bits: number, weightBytes: number): Kernel {
  const wasm = openWasm(new URL('./score.wasm', import.meta.url), exportsSchema);
  growMemory(wasm.memory, wasm.weightsAt + weightBytes);
  const buffer = wasm.memory.buffer;
  const piece = new Uint8Array(buffer, wasm.textAt, wasm.pieceBytes + wasm.lookAheadBytes);
  const groupBytes = 8 * 2 ** bits;
  return {
    pieceBytes: wasm.pieceBytes,
    beginDocument: wasm.beginDocument,
    hashPiece(text, at, end) {
      const known = Math.min(end - at, piece.length);
      piece.set(text.subarray(at, at + known));
      return wasm.hashPiece(known, bits);
    },
    bins: new Uint32Array(buffer, wasm.binsAt, 2 * wasm.pieceBytes),
    weights: new Int8Array(buffer, wasm.weightsAt, weightBytes),
    sumOne: wasm.sumOne,
    sumEight: (count, group) => wasm.sumEight(count, wasm.weightsAt + group * groupBytes),
    sums: new Int32Array(buffer, wasm.sumsAt, 8),
  };
}
