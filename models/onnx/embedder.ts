// Turns texts into unit vectors with a transformer on this machine. Pooling is our own, because the library's
// pipeline cannot truncate texts at a given length.

import { join } from 'node:path';
import { z } from 'zod';
import { fail, ifThere, reasonOf } from '../../run/errors/errors.ts';
import { fingerprint } from '../../run/run.ts';
import type { Settings } from '../../run/settings.ts';
import { chooseDevice } from './devices.ts';
import { readHubFile } from './hub.ts';
import { type Batch, chooseDtype, findModel, type FoundModel, modelFile, openModel } from './model.ts';
import { sha256File } from '../../data/files/hash-files.ts';
import { readRegular } from '../../run/regular-file.ts';
import { type Embedder, normalizeRows } from '../embedder.ts';

type Pooling = 'mean' | 'cls';

/**
 * Opens a transformer: the default model, a folder, or a name on the hub. Errors: DEVICE_UNAVAILABLE,
 * MODEL_UNAVAILABLE, MODEL_DAMAGED, NPM_PACKAGE_UNAVAILABLE.
 */
export async function openTransformer(
  settings: Settings['embedding'],
  baseFolder: string,
): Promise<Embedder> {
  const device = await chooseDevice(settings.device);
  const found = await findModel(settings.model, baseFolder);
  const dtype = chooseDtype(settings.dtype, device, found);
  const pooling = settings.pooling === 'auto' ? await readPooling(found) : settings.pooling;
  const model = await openModel(found, device, dtype, settings.maxTokens);
  const bytes = found.isFolder ? await sha256File(join(found.place, 'onnx', modelFile[dtype])) : found.place;
  const embed = (texts: readonly string[]): Promise<Float32Array> =>
    model.run(texts, (outputs, batch) => poolBatch(outputs, batch, pooling));
  return {
    name: found.name,
    fingerprint: fingerprint({ bytes, dtype, pooling, maxTokens: model.maxTokens }),
    dimensions: (await embed(['dimensions'])).length,
    device,
    source: found.source,
    embed,
    close: () => model.close(),
  };
}

const poolingFile = '1_Pooling/config.json';
const mode = z.boolean().default(false);
const poolingSchema = z.object({
  pooling_mode_cls_token: mode,
  pooling_mode_max_tokens: mode,
  pooling_mode_lasttoken: mode,
  pooling_mode_weightedmean_tokens: mode,
});

/**
 * The pooling in the model's 1_Pooling/config.json; the mean if there is none. Errors: MODEL_UNAVAILABLE.
 */
async function readPooling({ place, isFolder }: FoundModel): Promise<Pooling> {
  const unusable = (problem: string, cause?: unknown): Error =>
    fail(
      'MODEL_UNAVAILABLE',
      {
        model: place,
        reason:
          `${poolingFile}, which defines its pooling, ${problem}; you can set embedding.pooling ` +
          'to mean or cls instead',
      },
      cause,
    );
  let modes: z.output<typeof poolingSchema>;
  try {
    const text = isFolder
      ? await ifThere(readRegular(join(place, poolingFile), 'utf8'))
      : await readHubFile(place, poolingFile);
    modes = poolingSchema.parse(JSON.parse(text ?? '{}'));
  } catch (error) {
    throw unusable(`cannot be read (${reasonOf(error)})`, error);
  }
  const { pooling_mode_cls_token: cls, ...others } = modes;
  const unknown = Object.entries(others).find(([, used]) => used);
  if (unknown !== undefined) throw unusable(`names ${unknown[0]}, which is not supported`);
  return cls ? 'cls' : 'mean';
}

const outputSchema = z.object({
  data: z.instanceof(Float32Array),
  dims: z.tuple([z.number(), z.number(), z.number()]),
});
const modelOutputSchema = z.union([
  z.object({ last_hidden_state: outputSchema }).transform((output) => output.last_hidden_state),
  z.object({ token_embeddings: outputSchema }).transform((output) => output.token_embeddings),
]);

function poolBatch(outputs: unknown, { ids, length }: Batch, pooling: Pooling): Float32Array {
  const hidden = modelOutputSchema.parse(outputs);
  const vectors = pool(hidden.data, ids, length, hidden.dims[2], pooling);
  normalizeRows(vectors, hidden.dims[2]);
  return vectors;
}

/**
 * Pools each text's token vectors (texts × length × dimensions) to one: their sum, which points in the same
 * direction as the mean, or the first.
 */
function pool(
  hidden: Float32Array,
  ids: readonly (readonly number[])[],
  length: number,
  dimensions: number,
  pooling: Pooling,
): Float32Array {
  const vectors = new Float32Array(ids.length * dimensions);
  for (let row = 0; row < ids.length; row++) {
    const tokens = pooling === 'cls' ? 1 : (ids[row]?.length ?? 0);
    for (let token = 0; token < tokens; token++) {
      const start = (row * length + token) * dimensions;
      for (let d = 0; d < dimensions; d++)
        vectors[row * dimensions + d] = (vectors[row * dimensions + d] ?? 0) + (hidden[start + d] ?? 0);
    }
  }
  return vectors;
}
