// Reads a language model's files: its context length, its end tokens, and a hash of its content.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { readRegular } from '../../run/regular-file.ts';
import { sha256File } from '../../data/files/hash-files.ts';
import { readHubFile } from './hub.ts';
import { type Dtype, type FoundModel, modelFile } from './model.ts';

/** The context length if the model's files do not give one. */
const contextByDefault = 2048;

const contextSchema = z.number().int().positive().optional().catch(undefined);
const contextFields = {
  max_position_embeddings: contextSchema,
  n_positions: contextSchema,
  n_ctx: contextSchema,
};
const endSchema = z.union([z.number(), z.array(z.number())]).nullish();
const configSchema = z.looseObject({
  ...contextFields,
  text_config: z.looseObject(contextFields).optional(),
  eos_token_id: endSchema,
});

/** The context length in tokens, and the end tokens. */
export async function readConfig(
  { place, isFolder }: FoundModel,
  most: number,
): Promise<{ contextTokens: number; ends: number[] }> {
  const read = async (file: string): Promise<z.output<typeof configSchema>> => {
    const path = join(place, file);
    const text = isFolder
      ? existsSync(path)
        ? await readRegular(path, 'utf8')
        : '{}'
      : await readHubFile(place, file);
    return configSchema.parse(JSON.parse(text ?? '{}'));
  };
  const config = await read('config.json');
  const generation = await read('generation_config.json');
  const { max_position_embeddings, n_positions, n_ctx } = { ...config, ...config.text_config };
  return {
    contextTokens: Math.min(max_position_embeddings ?? n_positions ?? n_ctx ?? contextByDefault, most),
    ends: [generation.eos_token_id ?? config.eos_token_id ?? []].flat(),
  };
}

/** What the fingerprint covers: hashes of a folder's files, or the name on the hub. */
export async function describeContent({ place, isFolder }: FoundModel, dtype: Dtype): Promise<unknown> {
  if (!isFolder) return place;
  const weights = join('onnx', modelFile[dtype]);
  const files = [
    weights,
    `${weights}_data`,
    'config.json',
    'tokenizer.json',
    'tokenizer_config.json',
    'chat_template.jinja',
  ];
  return Promise.all(
    files
      .map((file) => join(place, file))
      .filter(existsSync)
      .map(sha256File),
  );
}
