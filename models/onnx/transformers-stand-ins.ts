// What transformers.js gets in place of three modules when it is bundled (npm run build:transformers): ONNX
// Runtime as betr loads it, and no image library, because betr reads text alone.

import type { Tensor as OnnxTensor } from 'onnxruntime-node';
import { loadedOnnxRuntime, type OnnxRuntime } from './runtime.ts';

/** In place of "sharp". */
export default function sharp(): never {
  throw new Error('Images are not supported.');
}

/** In place of the one in "onnxruntime-common". */
export const Tensor: typeof OnnxTensor = loadedOnnxRuntime().Tensor;

/** In place of the one in "module", by which transformers.js requires "onnxruntime-node" and nothing else. */
export function createRequire(): (name: string) => OnnxRuntime {
  return (name) => {
    if (name !== 'onnxruntime-node')
      throw new Error(`transformers.js requires ${name}, which is not bundled.`);
    return loadedOnnxRuntime();
  };
}
