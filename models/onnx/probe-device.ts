// Tries one device of ONNX Runtime in a separate process (devices.ts), because drivers print to the terminal
// and a broken one ends the process. Prints why the device cannot be used, or nothing if it can.

import { reasonOf } from '../../run/errors/errors.ts';
import { loadOnnxRuntime } from './runtime.ts';
import { topKGraph } from './topk-graph.ts';

const { env, InferenceSession } = await loadOnnxRuntime();
env.logLevel = 'fatal';
try {
  const session = await InferenceSession.create(topKGraph(), {
    executionProviders: [process.argv[2] ?? ''],
    logSeverityLevel: 4,
  });
  await session.release();
} catch (error) {
  process.stdout.write(`${reasonOf(error).split('\n')[0] ?? ''}\n`);
}
