// Finds the devices that ONNX Runtime can really use here: a provider is available if a session runs on it.

import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { fail, reasonOf } from '../../run/errors/errors.ts';
import { loadOnnxRuntime, onnxRuntimeVersion } from './runtime.ts';

export type Device = 'cpu' | 'cuda' | 'webgpu';

const probe = fileURLToPath(new URL('./probe-device.js', import.meta.url));
const probeTimeoutMs = 60_000;
const gpus = ['cuda', 'webgpu'] as const;
const howToGet: Record<Device, string> = {
  cpu: '',
  cuda:
    "CUDA needs an NVIDIA GPU with its driver, and ONNX Runtime's CUDA files installed " +
    'next to betr: ONNXRUNTIME_NODE_INSTALL=cuda12 npm install ' +
    `onnxruntime-node@${onnxRuntimeVersion} (docs/install.md).`,
  webgpu: 'WebGPU needs a GPU with a Vulkan driver.',
};

/**
 * The requested device, or the best available one with "auto". Errors: DEVICE_UNAVAILABLE, with the
 * available devices.
 */
export async function chooseDevice(asked: 'auto' | Device): Promise<Device> {
  if (asked === 'cpu') return 'cpu';
  if (asked === 'auto') return (await findFirst(gpus)) ?? 'cpu';
  const problem = await tryDevice(asked);
  if (problem === undefined) return asked;
  const other = await findFirst(gpus.filter((device) => device !== asked));
  throw fail('DEVICE_UNAVAILABLE', {
    asked,
    available: ['cpu', ...(other === undefined ? [] : [other])].join(', '),
    reason: problem,
    how: howToGet[asked],
  });
}

async function findFirst(devices: readonly Device[]): Promise<Device | undefined> {
  for (const device of devices) if ((await tryDevice(device)) === undefined) return device;
  return undefined;
}

/** Why the device cannot be used; undefined if it can. */
async function tryDevice(device: Device): Promise<string | undefined> {
  const { listSupportedBackends } = await loadOnnxRuntime();
  if (!listSupportedBackends().some(({ name }) => name === device))
    return `this build of ONNX Runtime has no ${device} provider`;
  try {
    const { stdout } = await promisify(execFile)(process.execPath, [probe, device], {
      timeout: probeTimeoutMs,
    });
    // ONNX Runtime's message starts with a source location and the failed condition.
    const problem = stdout.trim().replace(/^\S*onnxruntime_src.* was false\. /, '');
    return problem === '' ? undefined : problem;
  } catch (error) {
    return `trying it crashed (${lastLine(reasonOf(error))})`;
  }
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
