import { readFile } from 'node:fs/promises';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { onnxRuntimePackage } from '../../../models/onnx/runtime.ts';
import { loadTransformers } from '../../../models/onnx/transformers-library.ts';

describe('ONNX Runtime', () => {
  it('is fetched in the version, and with the digests, that the tests run with', async () => {
    const { packages } = z
      .object({
        packages: z.record(
          z.string(),
          z.object({ version: z.string().optional(), integrity: z.string().optional() }),
        ),
      })
      .parse(JSON.parse(await readFile('package-lock.json', 'utf8')));
    for (const { spec, integrity } of [onnxRuntimePackage, ...(onnxRuntimePackage.dependencies ?? [])]) {
      const [name = '', version] = spec.split('@');
      expect(packages[`node_modules/${name}`]).toMatchObject({ version, integrity });
    }
    // It loads only what is fetched with it; its other dependencies belong to its install script.
    const { dependencies } = z
      .object({ dependencies: z.record(z.string(), z.string()) })
      .parse(JSON.parse(await readFile('node_modules/onnxruntime-node/package.json', 'utf8')));
    expect(Object.keys(dependencies).sort()).toEqual(['adm-zip', 'global-agent', 'onnxruntime-common']);
  });
});

describe('the bundled transformers.js', () => {
  it('is listed with its version and all its parts in the notice next to its licenses', async () => {
    const notice = await readFile('models/onnx/transformers-bundle.NOTICE.txt', 'utf8');
    const code = await readFile('node_modules/@huggingface/transformers/dist/transformers.node.mjs', 'utf8');
    const inside = new Set(
      [...code.matchAll(/^\/\/ \S*node_modules\/((?:@[\w.-]+\/)?[\w.-]+)\/dist\/\S+$/gm)].map(
        ([, name]) => name,
      ),
    );
    expect([...inside].sort()).toEqual(['@huggingface/jinja', '@huggingface/tokenizers', 'onnxruntime-web']);
    for (const name of inside) expect(notice).toContain(`(${name ?? ''}`);
    const { version } = z
      .object({ version: z.string() })
      .parse(JSON.parse(await readFile('node_modules/@huggingface/transformers/package.json', 'utf8')));
    expect(notice).toContain(`@huggingface/transformers ${version} `);
  });

  it('exports what the package does, including language models, and runs without an image library', async () => {
    const bundled = await loadTransformers();
    const whole = await import('@huggingface/transformers');
    expect(Object.keys(bundled)).toEqual(Object.keys(whole));
    expect(bundled.env.version).toBe(whole.env.version);
    const tensor = new bundled.Tensor('float32', Float32Array.of(1, 2, 3, 4), [2, 2]);
    expect((await bundled.matmul(tensor, tensor)).data).toEqual(Float32Array.of(7, 10, 15, 22));
    await expect(new bundled.RawImage(new Uint8ClampedArray(3), 1, 1, 3).resize(2, 2)).rejects.toThrow(
      'Images are not supported',
    );
  });
});
