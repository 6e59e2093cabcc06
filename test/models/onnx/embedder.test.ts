import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest } from '@jest/globals';
import { findDefaultModel } from '../../../models/onnx/default-model.ts';
import { openTransformer } from '../../../models/onnx/embedder.ts';
import { embedding, model, withModel } from './transformer-settings.ts';

jest.setTimeout(300_000);

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'betr-model-'));
});
afterAll(() => rm(root, { recursive: true }));

/** A folder with links to the model's files, some replaced. */
async function makeModel(
  name: string,
  files: Readonly<Record<string, string | Buffer | undefined>> = {},
): Promise<string> {
  const folder = join(root, name);
  for (const file of [
    'config.json',
    'tokenizer.json',
    'tokenizer_config.json',
    'onnx/model_quantized.onnx',
    ...Object.keys(files),
  ]) {
    const path = join(folder, file);
    await mkdir(dirname(path), { recursive: true });
    const content = files[file];
    if (content !== undefined) await writeFile(path, content);
    else if (!(file in files)) await symlink(join(model ?? '', file), path);
  }
  return folder;
}

const cosine = (vectors: Float32Array, a: number, b: number, other = vectors): number => {
  let sum = 0;
  for (let d = 0; d < 384; d++) sum += (vectors[a * 384 + d] ?? 0) * (other[b * 384 + d] ?? 0);
  return sum;
};

describe('the transformer', () => {
  withModel('puts similar texts near each other in any order and length, as unit vectors', async () => {
    const embedder = await openTransformer(embedding({ model }), root);
    expect(embedder).toMatchObject({
      name: 'all-MiniLM-L6-v2',
      device: 'cpu',
      dimensions: 384,
      source: `folder ${model ?? ''}`,
    });
    const texts = [
      'Boil the pasta in salted water.',
      'The comet orbits the sun.',
      'Cook spaghetti until it is soft.',
      'A planet and its moons go around a star.',
      '',
    ];
    const vectors = await embedder.embed(texts);
    for (const row of texts.keys()) expect(cosine(vectors, row, row)).toBeCloseTo(1, 4);
    expect(cosine(vectors, 0, 2)).toBeGreaterThan(0.5);
    expect(cosine(vectors, 1, 3)).toBeGreaterThan(0.4);
    for (const [a, b] of [
      [0, 1],
      [0, 3],
      [2, 1],
      [2, 3],
    ] as const)
      expect(cosine(vectors, a, b)).toBeLessThan(0.25);
    // 8-bit weights let texts in a batch affect each other slightly; the position in the list has no
    // effect.
    expect(await embedder.embed(texts)).toEqual(vectors);
    const backwards = await embedder.embed(texts.toReversed());
    for (const row of texts.keys())
      expect(cosine(vectors, row, texts.length - 1 - row, backwards)).toBeGreaterThan(0.98);
    await embedder.close();
  });

  withModel('reads a text up to embedding.maxTokens', async () => {
    const embedder = await openTransformer(embedding({ model, maxTokens: 16 }), root);
    const start = 'one two three four five six seven eight nine ten eleven twelve thirteen fourteen';
    const first = await embedder.embed([`${start} and then of cooking`]);
    expect(await embedder.embed([`${start} and then of stars`])).toEqual(first);
    expect(await embedder.embed([`of stars and then ${start}`])).not.toEqual(first);
    expect((await openTransformer(embedding({ model, maxTokens: 32 }), root)).fingerprint).not.toBe(
      embedder.fingerprint,
    );
    expect((await openTransformer(embedding({ model, maxTokens: 16 }), root)).fingerprint).toBe(
      embedder.fingerprint,
    );
  });

  withModel('pools as the model or the settings say', async () => {
    const says = (mode: string): Promise<string> =>
      makeModel(mode, {
        '1_Pooling/config.json': JSON.stringify({ word_embedding_dimension: 384, [mode]: true }),
      });
    const vectorOf = async (settings: Readonly<Record<string, unknown>>): Promise<Float32Array> =>
      (await openTransformer(embedding(settings), root)).embed(['Boil the pasta.']);
    const mean = await vectorOf({ model });
    expect(
      cosine(await vectorOf({ model: await says('pooling_mode_mean_tokens') }), 0, 0, mean),
    ).toBeGreaterThan(0.9999);
    const cls = await vectorOf({ model: await says('pooling_mode_cls_token') });
    expect(cosine(cls, 0, 0, mean)).toBeLessThan(0.99);
    expect(await vectorOf({ model, pooling: 'cls' })).toEqual(cls);
    const last = await says('pooling_mode_lasttoken');
    await expect(openTransformer(embedding({ model: last }), root)).rejects.toMatchObject({
      code: 'MODEL_UNAVAILABLE',
      message: expect.stringMatching(
        /Pooling\/config\.json.* names pooling_mode_lasttoken, which is not supported; you can set embedding\.pooling/,
      ),
    });
    expect(await vectorOf({ model: last, pooling: 'cls' })).toEqual(cls);
  });

  withModel('reports what is wrong with a folder', async () => {
    const refuse = async (settings: Readonly<Record<string, unknown>>, reason: RegExp): Promise<void> => {
      await expect(openTransformer(embedding(settings), root)).rejects.toMatchObject({
        code: 'MODEL_UNAVAILABLE',
        message: expect.stringMatching(reason),
      });
    };
    await refuse(
      { model: await makeModel('no-tokenizer', { 'tokenizer.json': undefined }) },
      /tokenizer\.json is missing/,
    );
    await refuse(
      { model: await makeModel('no-onnx', { 'onnx/model_quantized.onnx': undefined }) },
      /onnx\/model\.onnx is missing; the folder has no ONNX file/,
    );
    await refuse(
      { model, dtype: 'fp16' },
      /onnx\/model_fp16\.onnx is missing; the folder has onnx\/model_quantized\.onnx/,
    );
    await refuse(
      { model: await makeModel('damaged', { 'onnx/model_quantized.onnx': 'not a model' }) },
      /cannot be loaded: .*(protobuf|invalid|INVALID)/i,
    );
    await refuse({ model: await makeModel('bad-config', { 'config.json': '{' }) }, /cannot be loaded/);
    await refuse(
      { model: './none' },
      /there is no folder .*none, and it is not a name on a model hub either/,
    );
  });
});

describe('the default model', () => {
  withModel('is checked byte for byte before use', async () => {
    const check = async (folder: string | undefined): Promise<{ folder: string; source: string }> => {
      process.env['BETR_MODEL'] = folder;
      try {
        return await findDefaultModel();
      } finally {
        delete process.env['BETR_MODEL'];
      }
    };
    expect(await check(model)).toEqual({ folder: model, source: `folder ${model ?? ''}, Apache-2.0` });
    const bytes = await readFile(join(model ?? '', 'onnx', 'model_quantized.onnx'));
    bytes[1_000_000] = (bytes[1_000_000] ?? 0) ^ 1;
    await expect(
      check(await makeModel('flipped', { 'onnx/model_quantized.onnx': bytes })),
    ).rejects.toMatchObject({
      code: 'MODEL_DAMAGED',
      message: expect.stringContaining('onnx/model_quantized.onnx has unexpected bytes'),
    });
    await expect(check(await makeModel('lacking', { 'tokenizer.json': undefined }))).rejects.toMatchObject({
      code: 'MODEL_DAMAGED',
      message: expect.stringContaining('tokenizer.json is missing'),
    });
  });
});
