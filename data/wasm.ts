// Opens a WebAssembly module that lies beside the compiled code, and checks its exports as any input from
// outside.

import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** Schemas of what a module may export. */
export const wasmMemory = z.instanceof(WebAssembly.Memory);
export const wasmNumber = z.instanceof(WebAssembly.Global).transform((global) => global.value);
export const wasmFunction = <F extends (...values: number[]) => unknown>() =>
  z.custom<F>((value) => typeof value === 'function');

const pageBytes = 65_536;

/**
 * Makes a new instance of the module at `url`, with its own memory. Throws when the module is not what
 * `exports` says: a defect of the build.
 */
export function openWasm<T>(url: URL, exports: z.ZodType<T>): T {
  return exports.parse(new WebAssembly.Instance(new WebAssembly.Module(readFileSync(url))).exports);
}

/**
 * Makes the memory at least `bytes` long. Views of the buffer that were made before are of no use afterwards.
 */
export function growMemory(memory: WebAssembly.Memory, bytes: number): void {
  const missing = bytes - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / pageBytes));
}
