import { existsSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { chooseDevice } from '../../../models/onnx/devices.ts';

describe('devices', () => {
  it('are reported with installation help if the requested one is missing; auto takes an available one', async () => {
    const auto = await chooseDevice('auto');
    expect(await chooseDevice('cpu')).toBe('cpu');
    for (const device of ['cuda', 'webgpu'] as const) {
      const chosen = await chooseDevice(device).catch((error: unknown) => error);
      if (chosen === device) expect(auto).not.toBe('cpu');
      else
        expect(chosen).toMatchObject({
          code: 'DEVICE_UNAVAILABLE',
          exitCode: 2,
          message: expect.stringMatching(
            new RegExp(
              `embedding\\.device is "${device}", but .*Available: ` +
                `cpu.*${device === 'cuda' ? 'ONNXRUNTIME_NODE_INSTALL=cuda12' : 'Vulkan'}`,
            ),
          ),
        });
    }
    // On a machine without a GPU, like most that run this.
    if (!existsSync('/dev/nvidia0') && !existsSync('/dev/dri')) expect(auto).toBe('cpu');
    // The script in the message exists.
    expect(existsSync('node_modules/onnxruntime-node/script/install.js')).toBe(true);
  });
});
