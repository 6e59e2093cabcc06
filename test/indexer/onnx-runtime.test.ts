import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { onnxRuntimePackage } from '../../indexer/onnx-runtime.ts';
import { loadTransformers } from '../../indexer/transformers-library.ts';

describe('ONNX Runtime', () => {
  it('is fetched in the version, and with the digests, that the tests run with', async () => {
    const { packages } = z.object({ packages: z.record(z.string(), z.object({ version: z.string().optional(), integrity: z.string().optional() })) }).parse(JSON.parse(await readFile('package-lock.json', 'utf8')));
    for (const { spec, integrity } of [onnxRuntimePackage, ...(onnxRuntimePackage.dependencies ?? [])]) {
      const [name = '', version] = spec.split('@');
      expect(packages[`node_modules/${name}`]).toMatchObject({ version, integrity });
    }
    // It loads nothing that is not fetched with it: what else it depends on is its install script's.
    const { dependencies } = z.object({ dependencies: z.record(z.string(), z.string()) }).parse(JSON.parse(await readFile('node_modules/onnxruntime-node/package.json', 'utf8')));
    expect(Object.keys(dependencies).sort()).toEqual(['adm-zip', 'global-agent', 'onnxruntime-common']);
  });
});

describe('the bundled transformers.js', () => {
  it('exports what the package does, language models too, and runs without an image library', async () => {
    const bundled = await loadTransformers();
    const whole = await import('@huggingface/transformers');
    expect(Object.keys(bundled)).toEqual(Object.keys(whole));
    expect(bundled.env.version).toBe(whole.env.version);
    const tensor = new bundled.Tensor('float32', Float32Array.of(1, 2, 3, 4), [2, 2]);
    expect((await bundled.matmul(tensor, tensor)).data).toEqual(Float32Array.of(7, 10, 15, 22));
    await expect(new bundled.RawImage(new Uint8ClampedArray(3), 1, 1, 3).resize(2, 2)).rejects.toThrow('Images are not supported');
  });
});
