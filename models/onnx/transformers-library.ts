// transformers.js, loaded on first use: the copy that is bundled into this package, because its npm package
// brings libraries for images and browsers (about 180 MB) that are never used here.

import { loadOnnxRuntime } from './runtime.ts';

export type Transformers = typeof import('#transformers');

/** transformers.js on ONNX Runtime. Errors: those of `loadOnnxRuntime`. */
export async function loadTransformers(): Promise<Transformers> {
  await loadOnnxRuntime();
  return import('#transformers');
}
