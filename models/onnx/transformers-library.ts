// transformers.js, loaded on first use. The copy is bundled with this package, because its npm package
// depends on libraries for images and browsers (about 180 MB) that betr never uses.

import './no-telemetry.ts';
import { setUpHub } from './hub.ts';
import { loadOnnxRuntime } from './runtime.ts';

export type Transformers = typeof import('#transformers');

/**
 * transformers.js on ONNX Runtime, with the hub and the cache set; it throws its errors and prints none.
 * Errors: those of `loadOnnxRuntime`.
 */
export async function loadTransformers(): Promise<Transformers> {
  await loadOnnxRuntime();
  const library = await import('#transformers');
  library.env.logLevel = library.LogLevel.NONE;
  setUpHub(library);
  return library;
}
