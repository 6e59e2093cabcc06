// Tries one device of ONNX Runtime, in a process of its own (devices.ts): drivers write to the terminal as
// they like, and a broken one ends the process. Prints why the device cannot be used, and nothing where it
// can.

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
