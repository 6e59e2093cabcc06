// Replacements for three modules when transformers.js is bundled (models/onnx/transformers-bundle.sh): ONNX Runtime
// as betr loads it, and no image library, because betr only reads text.

import type { Tensor as OnnxTensor } from 'onnxruntime-node';
import { loadedOnnxRuntime, type OnnxRuntime } from './runtime.ts';

/** Replaces "sharp". */
export default function sharp(): never {
  throw new Error('Images are not supported.');
}

/** Replaces the export of "onnxruntime-common". */
export const Tensor: typeof OnnxTensor = loadedOnnxRuntime().Tensor;

/** Replaces the export of "module", which transformers.js uses only to require "onnxruntime-node". */
export function createRequire(): (name: string) => OnnxRuntime {
  return (name) => {
    if (name !== 'onnxruntime-node')
      throw new Error(`transformers.js requires ${name}, which is not bundled.`);
    return loadedOnnxRuntime();
  };
}
