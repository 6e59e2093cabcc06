// Opens a WebAssembly module beside the compiled code and validates its exports.

import { readFileSync } from 'node:fs';
import { z } from 'zod';

/** Schemas of a module's exports. */
export const wasmMemory = z.instanceof(WebAssembly.Memory);
export const wasmNumber = z.instanceof(WebAssembly.Global).transform((global) => global.value);
export const wasmFunction = <F extends (...values: number[]) => unknown>() =>
  z.custom<F>((value) => typeof value === 'function');

const pageBytes = 65_536;

/**
 * Creates an instance of the module at `url`, with its own memory. Throws if the module does not match
 * `exports`, which is a bug in the build.
 */
export function openWasm<T>(url: URL, exports: z.ZodType<T>): T {
  return exports.parse(new WebAssembly.Instance(new WebAssembly.Module(readFileSync(url))).exports);
}

/** Grows the memory to at least `bytes`. Earlier views of the buffer become invalid. */
export function growMemory(memory: WebAssembly.Memory, bytes: number): void {
  const missing = bytes - memory.buffer.byteLength;
  if (missing > 0) memory.grow(Math.ceil(missing / pageBytes));
}
