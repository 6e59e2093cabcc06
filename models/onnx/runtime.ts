// ONNX Runtime, loaded on first use. Its npm package is not a dependency: its install script downloads CUDA
// libraries from nuget.org and fails if only the npm registry can be reached, and it has the binaries of all
// platforms. A copy installed next to betr is used; otherwise the files for this platform are fetched once,
// like the default model.

import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import type * as onnxRuntime from 'onnxruntime-node';
import { z } from 'zod';
import './no-telemetry.ts';
import { readRegularSync } from '../../run/regular-file.ts';
import { fail, reasonOf } from '../../run/errors/errors.ts';
import { fetchNpmPackage, type NpmPackage } from '../../data/remote/npm-package.ts';

export type OnnxRuntime = typeof onnxRuntime;

export const onnxRuntimeVersion = '1.30.0';
const requireHere = createRequire(import.meta.url);
/** Origin of the runtime. */
export const onnxRuntimePackage: NpmPackage = {
  spec: `onnxruntime-node@${onnxRuntimeVersion}`,
  integrity:
    'sha512-twhs1C2C/BFkz1yc5OY0KIU2GUq6DURO7hD4bx5Q2Qy3nAMJwRXW8xU3NVczE29VA9lolLOYepoD8fjTGOfIqw==',
  only: ['package.json', 'dist', `bin/napi-v6/${process.platform}/${process.arch}`],
  dependencies: [
    {
      spec: `onnxruntime-common@${onnxRuntimeVersion}`,
      integrity:
        'sha512-7fdVWjAID1dVhH/G8qK3APARunV4VkBFoCQAP7qp4Wkab0mrorvmc+sqiT+mKXOzDqdjN5j+/Z9nb4gzNPWcyA==',
    },
  ],
};

let loading: Promise<OnnxRuntime> | undefined;
let loaded: OnnxRuntime | undefined;

/**
 * Loads ONNX Runtime, and fetches it unless it is installed or cached. Errors: ONNX_RUNTIME_UNAVAILABLE, and
 * those of `fetchNpmPackage`.
 */
export function loadOnnxRuntime(): Promise<OnnxRuntime> {
  return (loading ??= load().catch((error: unknown) => {
    loading = undefined;
    throw error;
  }));
}

/** The runtime that `loadOnnxRuntime` has loaded. */
export function loadedOnnxRuntime(): OnnxRuntime {
  if (loaded === undefined) throw new Error('ONNX Runtime is used before it is loaded.');
  return loaded;
}

const moduleSchema = z.custom<OnnxRuntime>(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    'InferenceSession' in value &&
    'listSupportedBackends' in value,
);

async function load(): Promise<OnnxRuntime> {
  const folder = findInstalled() ?? (await fetchNpmPackage(onnxRuntimePackage));
  try {
    loaded = moduleSchema.parse(requireHere(folder));
  } catch (error) {
    throw fail(
      'ONNX_RUNTIME_UNAVAILABLE',
      {
        version: onnxRuntimeVersion,
        folder,
        platform: `${process.platform}-${process.arch}`,
        reason: reasonOf(error).split('\n')[0] ?? '',
      },
      error,
    );
  }
  return loaded;
}

const packageSchema = z.object({ version: z.string() });

/**
 * The folder of an installed package of the right version; another version may compute different vectors.
 */
function findInstalled(): string | undefined {
  try {
    const path = requireHere.resolve('onnxruntime-node/package.json');
    return packageSchema.parse(JSON.parse(readRegularSync(path).toString('utf8'))).version ===
      onnxRuntimeVersion
      ? dirname(path)
      : undefined;
  } catch {
    return undefined;
  }
}
