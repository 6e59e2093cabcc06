// transformers.js, loaded on first use. The copy is bundled with this package, because its npm package
// depends on libraries for images and browsers (about 180 MB) that betr never uses.

import { loadOnnxRuntime } from './runtime.ts';

export type Transformers = typeof import('#transformers');

/** transformers.js on ONNX Runtime. Errors: those of `loadOnnxRuntime`. */
export async function loadTransformers(): Promise<Transformers> {
  await loadOnnxRuntime();
  return import('#transformers');
}
