// An ONNX model with its tokenizer on this machine: transformers.js on ONNX Runtime, for any task on texts.
// Texts are sorted by length and batched by tokens to reduce padding.

import { existsSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { basename, join, relative, resolve } from 'node:path';
import { z } from 'zod';
import type { PreTrainedModel, PreTrainedTokenizer } from '#transformers';
import { fail, reasonOf } from '../../run/errors/errors.ts';
import { kindOf } from '../../run/regular-file.ts';
import { defaultModelName, findDefaultModel } from './default-model.ts';
import type { Device } from './devices.ts';
import { loadTransformers, type Transformers } from './transformers-library.ts';

export type Dtype = 'fp32' | 'fp16' | 'q8' | 'q4';

/** File name of each number type, as on the hub. */
export const modelFile: Record<Dtype, string> = {
  fp32: 'model.onnx',
  fp16: 'model_fp16.onnx',
  q8: 'model_quantized.onnx',
  q4: 'model_q4.onnx',
};
/**
 * Tokens in a batch, including padding: more makes a CPU slower (measured: 1,024), fewer leaves a GPU idle.
 */
const batchTokens: Record<Device, number> = { cpu: 1024, cuda: 65_536, webgpu: 16_384 };

/** Files that a model's folder must have next to onnx/. */
const neededFiles = ['config.json', 'tokenizer.json', 'tokenizer_config.json'];
const hubName = /^[A-Za-z0-9][\w.-]*(\/[\w.-]+)?$/;

export interface FoundModel {
  /** Folder, or name on the hub. */
  place: string;
  isFolder: boolean;
  name: string;
  source: string;
}

/**
 * Finds the model in a setting: the default model, a folder (relative to `baseFolder`), or a name on the
 * hub. Errors: MODEL_UNAVAILABLE, MODEL_DAMAGED, NPM_PACKAGE_UNAVAILABLE.
 */
export async function findModel(setting: string, baseFolder: string): Promise<FoundModel> {
  if (setting === 'default') {
    const { folder, source } = await findDefaultModel();
    return { place: folder, isFolder: true, name: defaultModelName, source };
  }
  const folder = resolve(baseFolder, setting);
  if (existsSync(folder)) {
    const missing = neededFiles.find((file) => !existsSync(join(folder, file)));
    if (missing !== undefined)
      throw fail('MODEL_UNAVAILABLE', { model: folder, reason: `${missing} is missing` });
    await checkFiles(folder);
    return { place: folder, isFolder: true, name: basename(folder), source: `folder ${folder}` };
  }
  if (!hubName.test(setting))
    throw fail('MODEL_UNAVAILABLE', {
      model: setting,
      reason: `there is no folder ${folder}, and it is not a name on a model hub either`,
    });
  return { place: setting, isFolder: false, name: setting, source: `model hub, ${setting}` };
}

/** Loading a model would hang on a named pipe among its files. Errors: MODEL_UNAVAILABLE. */
async function checkFiles(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const found = entry.isFile() || entry.isDirectory() ? entry : await stat(path).catch(() => undefined);
    if (found !== undefined && !found.isDirectory() && !found.isFile())
      throw fail('MODEL_UNAVAILABLE', {
        model: folder,
        reason: `${relative(folder, path)} is a ${kindOf(found)}, and only regular files can be loaded`,
      });
  }
}

/** Number types in order of preference. */
export function preferredDtypes(device: Device): readonly Dtype[] {
  return device === 'cpu' ? ['q8', 'fp32', 'fp16', 'q4'] : ['fp16', 'fp32', 'q8', 'q4'];
}

/**
 * With "auto": in a folder, the smallest available type that suits the device; on the hub, 8 bit for a CPU
 * and 16 bit for a GPU.
 */
export function chooseDtype(asked: 'auto' | Dtype, device: Device, { place, isFolder }: FoundModel): Dtype {
  const preferred = preferredDtypes(device);
  if (!isFolder) return asked === 'auto' ? (preferred[0] ?? 'fp32') : asked;
  const there = preferred.filter((dtype) => existsSync(join(place, 'onnx', modelFile[dtype])));
  const chosen = asked === 'auto' ? there[0] : there.find((dtype) => dtype === asked);
  if (chosen !== undefined) return chosen;
  const wanted = asked === 'auto' ? 'onnx/model.onnx' : `onnx/${modelFile[asked]}`;
  throw fail('MODEL_UNAVAILABLE', {
    model: place,
    reason:
      `${wanted} is missing; the folder has ` +
      (there.map((dtype) => `onnx/${modelFile[dtype]}`).join(', ') || 'no ONNX file'),
  });
}

/** Token ids of each text in a batch, and the length that they are padded to. */
export interface Batch {
  ids: readonly (readonly number[])[];
  length: number;
}

export interface OnnxModel {
  /** Tokens read of a text. */
  maxTokens: number;
  /**
   * Runs the texts through the model: `take` gets each batch with the model's outputs and returns equally
   * many numbers per text, row by row.
   */
  run: (
    texts: readonly string[],
    take: (outputs: unknown, batch: Batch) => Float32Array,
  ) => Promise<Float32Array>;
  close: () => Promise<void>;
}

/**
 * Loads a model that reads at most `mostTokens` tokens of a text. Errors: MODEL_UNAVAILABLE, those of
 * `loadTransformers`.
 */
export async function openModel(
  found: FoundModel,
  device: Device,
  dtype: Dtype,
  mostTokens: number,
): Promise<OnnxModel> {
  const library = await loadTransformers();
  const { tokenizer, model } = await load(library, found, device, dtype);
  const maxTokens = Math.min(mostTokens, z.number().catch(Infinity).parse(tokenizer.model_max_length));
  return {
    maxTokens,
    async run(texts, take) {
      // Cut by characters first to avoid tokenizing text far beyond the limit; no tokenizer averages more
      // than 16 characters of prose per token.
      const starts = texts.map((text) => text.slice(0, maxTokens * 16).toWellFormed());
      const encoded: unknown = tokenizer(starts, {
        truncation: true,
        max_length: maxTokens,
        padding: false,
        return_tensor: false,
      });
      const ids = tokenIds.parse(encoded).input_ids;
      const order = [...ids.keys()].sort((a, b) => (ids[a]?.length ?? 0) - (ids[b]?.length ?? 0) || a - b);
      let all = new Float32Array(0);
      for (const texts of fillBatches(order, ids, batchTokens[device])) {
        const batch = openBatch(texts.map((text) => ids[text] ?? []));
        const rows = take(await runBatch(library, model, batch), batch);
        const width = rows.length / texts.length;
        if (all.length === 0) all = new Float32Array(ids.length * width);
        for (const [row, text] of texts.entries())
          all.set(rows.subarray(row * width, (row + 1) * width), text * width);
      }
      return all;
    },
    close: async () => {
      await model.dispose();
    },
  };
}

async function load(
  { AutoModel, AutoTokenizer, env }: Transformers,
  { place, isFolder }: FoundModel,
  device: Device,
  dtype: Dtype,
): Promise<{ tokenizer: PreTrainedTokenizer; model: PreTrainedModel }> {
  env.allowRemoteModels = !isFolder;
  try {
    // An absolute path is not a valid model name, so the library treats it as a folder.
    const options = { local_files_only: isFolder };
    return {
      tokenizer: await AutoTokenizer.from_pretrained(place, options),
      model: await AutoModel.from_pretrained(place, { ...options, device, dtype }),
    };
  } catch (error) {
    throw fail('MODEL_UNAVAILABLE', { model: place, reason: reasonOf(error).split('\n')[0] ?? '' }, error);
  }
}

const tokenIds = z.object({ input_ids: z.array(z.array(z.number())) });

/**
 * Splits the texts, shortest first, into batches whose padded size stays within the limit; a longer text
 * gets a batch of its own.
 */
function* fillBatches(
  order: readonly number[],
  ids: readonly (readonly number[])[],
  limit: number,
): Generator<number[]> {
  let batch: number[] = [];
  for (const text of order) {
    if (batch.length > 0 && (batch.length + 1) * (ids[text]?.length ?? 0) > limit) {
      yield batch;
      batch = [];
    }
    batch.push(text);
  }
  if (batch.length > 0) yield batch;
}

function openBatch(ids: Batch['ids']): Batch {
  return { ids, length: Math.max(...ids.map((row) => row.length)) };
}

async function runBatch(
  { Tensor }: Transformers,
  model: PreTrainedModel,
  { ids, length }: Batch,
): Promise<unknown> {
  const inputs = new BigInt64Array(ids.length * length);
  const mask = new BigInt64Array(ids.length * length);
  for (const [row, tokens] of ids.entries()) {
    for (const [place, token] of tokens.entries()) {
      inputs[row * length + place] = BigInt(token);
      mask[row * length + place] = 1n;
    }
  }
  const shape = [ids.length, length];
  const outputs: unknown = await model({
    input_ids: new Tensor('int64', inputs, shape),
    attention_mask: new Tensor('int64', mask, shape),
  });
  return outputs;
}
