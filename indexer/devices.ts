// Which devices ONNX Runtime can really use here: a provider counts as there when a session runs on it.

import { InferenceSession, listSupportedBackends } from 'onnxruntime-node';
import { fail, reasonOf } from '../data/errors.ts';
import { topKGraph } from './topk-graph.ts';

export type Device = 'cpu' | 'cuda' | 'webgpu';

const gpus = ['cuda', 'webgpu'] as const;
const howToGet: Record<Device, string> = {
  cpu: '',
  cuda: 'CUDA needs an NVIDIA GPU with its driver, and ONNX Runtime with CUDA: reinstall with ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node.',
  webgpu: 'WebGPU needs a GPU with a Vulkan driver.',
};

/** The device to use: the one that is asked for, or with "auto" the best there is. Errors: DEVICE_UNAVAILABLE, with what is there. */
export async function chooseDevice(asked: 'auto' | Device): Promise<Device> {
  if (asked === 'cpu') return 'cpu';
  if (asked === 'auto') return (await findFirst(gpus)) ?? 'cpu';
  const problem = await tryDevice(asked);
  if (problem === undefined) return asked;
  const other = await findFirst(gpus.filter((device) => device !== asked));
  throw fail('DEVICE_UNAVAILABLE', { asked, available: ['cpu', ...(other === undefined ? [] : [other])].join(', '), reason: problem, how: howToGet[asked] });
}

async function findFirst(devices: readonly Device[]): Promise<Device | undefined> {
  for (const device of devices) if ((await tryDevice(device)) === undefined) return device;
  return undefined;
}

/** Why the device cannot be used; undefined where it can. */
async function tryDevice(device: Device): Promise<string | undefined> {
  if (!listSupportedBackends().some(({ name }) => name === device)) return `this build of ONNX Runtime has no ${device} provider`;
  try {
    const session = await InferenceSession.create(topKGraph(), { executionProviders: [device], logSeverityLevel: 4 });
    await session.release();
    return undefined;
  } catch (error) {
    return reasonOf(error).split('\n')[0] ?? '';
  }
}
