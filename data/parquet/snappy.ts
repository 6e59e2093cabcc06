// Decompresses Snappy's raw format piece by piece: libraries need all input and output in memory at once.

import { z } from 'zod';
import { openPool } from '../files/pool.ts';
import { growMemory, openWasm, wasmFunction, wasmMemory, wasmNumber } from '../wasm.ts';

const exportsSchema = z.object({
  memory: wasmMemory,
  inputAt: wasmNumber,
  inputBytes: wasmNumber,
  memoryBytes: wasmNumber,
  begin: wasmFunction<() => void>(),
  decompress: wasmFunction<(length: number) => number>(),
  leftBytes: wasmFunction<() => number>(),
  outputEnd: wasmFunction<() => number>(),
  isWhole: wasmFunction<() => number>(),
});

const decompressors = openPool(2, () => {
  const wasm = openWasm(new URL('./snappy.wasm', import.meta.url), exportsSchema);
  growMemory(wasm.memory, wasm.memoryBytes);
  return wasm;
});

/**
 * Decompresses one stream of raw Snappy; a piece is valid until the next is requested. Throws if the stream
 * is damaged, ends early, or copies from more than 256 KiB back; most compressors, including Google's and
 * DuckDB's, copy from at most 64 KiB back.
 */
export async function* decompressSnappy(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const wasm = decompressors.take();
  const memory = Buffer.from(wasm.memory.buffer);
  wasm.begin();
  try {
    for await (const piece of pieces) {
      for (let at = 0; at < piece.length;) {
        const held = wasm.leftBytes();
        const taken = piece.subarray(at, at + wasm.inputBytes - held);
        memory.set(taken, wasm.inputAt + held);
        at += taken.length;
        for (
          let bytes = wasm.decompress(held + taken.length);
          bytes !== 0;
          bytes = wasm.decompress(wasm.leftBytes())
        ) {
          if (bytes < 0) throw new Error('its Snappy data is damaged');
          yield memory.subarray(wasm.outputEnd() - bytes, wasm.outputEnd());
        }
      }
    }
    if (wasm.isWhole() === 0) throw new Error('its Snappy data ends early');
  } finally {
    decompressors.give(wasm);
  }
}
