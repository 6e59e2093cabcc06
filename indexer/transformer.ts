// A transformer on this machine: transformers.js on ONNX Runtime. Texts are sorted by length and batched by tokens, because padding is
// what costs; pooling is our own, because the library's pipeline cannot cut texts at a length.

import { AutoModel, AutoTokenizer, env, type PreTrainedModel, type PreTrainedTokenizer, Tensor } from '@huggingface/transformers';
import { existsSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { z } from 'zod';
import { sha256File } from '../data/commit.ts';
import { fail, reasonOf } from '../data/errors.ts';
import { fingerprint } from '../data/run.ts';
import type { Settings } from '../data/settings.ts';
import { defaultModelName, findDefaultModel } from './default-model.ts';
import { chooseDevice, type Device } from './devices.ts';
import { type Embedder, normalizeRows } from './embed.ts';
import { readHubFile, readIfThere, setUpHub } from './hub.ts';

type Pooling = 'mean' | 'cls';
type Dtype = 'fp32' | 'fp16' | 'q8' | 'q4';

/** The file of each number type, as the hub names them. */
const files: Record<Dtype, string> = { fp32: 'model.onnx', fp16: 'model_fp16.onnx', q8: 'model_quantized.onnx', q4: 'model_q4.onnx' };
/** Tokens in a batch, padding included: more makes a CPU slower (measured: 1,024), fewer leaves a GPU idle. */
const batchTokens: Record<Device, number> = { cpu: 1024, cuda: 65_536, webgpu: 16_384 };

/** What a model's folder has to hold beside onnx/. */
const modelFiles = ['config.json', 'tokenizer.json', 'tokenizer_config.json'];
const hubName = /^[A-Za-z0-9][\w.-]*(\/[\w.-]+)?$/;

interface Model {
  /** Folder, or the hub's name. */
  place: string;
  isFolder: boolean;
  name: string;
  source: string;
}

/** Opens a transformer: the default model, a folder, or a name on the hub. Errors: DEVICE_UNAVAILABLE, MODEL_UNAVAILABLE, MODEL_DAMAGED, NPM_PACKAGE_UNAVAILABLE. */
export async function openTransformer(settings: Settings['embedding'], baseFolder: string): Promise<Embedder> {
  const device = await chooseDevice(settings.device);
  const found = await findModel(settings.model, baseFolder);
  setUpHub();
  const dtype = chooseDtype(settings.dtype, device, found);
  const pooling = settings.pooling === 'auto' ? await readPooling(found) : settings.pooling;
  const { tokenizer, model } = await load(found, device, dtype);
  const maxTokens = Math.min(settings.maxTokens, z.number().catch(Infinity).parse(tokenizer.model_max_length));
  const bytes = found.isFolder ? await sha256File(join(found.place, 'onnx', files[dtype])) : found.place;
  const run = (texts: readonly string[]): Promise<Float32Array> => embedTexts(texts, { tokenizer, model, pooling, maxTokens, batchTokens: batchTokens[device] });
  return {
    name: found.name,
    fingerprint: fingerprint({ bytes, dtype, pooling, maxTokens }),
    dimensions: (await run(['dimensions'])).length,
    device,
    source: found.source,
    embed: run,
    close: async () => {
      await model.dispose();
    },
  };
}

async function findModel(setting: string, baseFolder: string): Promise<Model> {
  if (setting === 'default') {
    const { folder, source } = await findDefaultModel();
    return { place: folder, isFolder: true, name: defaultModelName, source };
  }
  const folder = resolve(baseFolder, setting);
  if (existsSync(folder)) {
    const missing = modelFiles.find((file) => !existsSync(join(folder, file)));
    if (missing !== undefined) throw fail('MODEL_UNAVAILABLE', { model: folder, reason: `${missing} is missing` });
    return { place: folder, isFolder: true, name: basename(folder), source: `folder ${folder}` };
  }
  if (!hubName.test(setting)) throw fail('MODEL_UNAVAILABLE', { model: setting, reason: `there is no folder ${folder}, and it is no name of a model hub either` });
  return { place: setting, isFolder: false, name: setting, source: `model hub, ${setting}` };
}

/** With "auto": in a folder the smallest type there is that suits the device; on the hub 8 bit for a CPU and 16 bit for a GPU. */
function chooseDtype(asked: 'auto' | Dtype, device: Device, { place, isFolder }: Model): Dtype {
  const preferred: readonly Dtype[] = device === 'cpu' ? ['q8', 'fp32', 'fp16', 'q4'] : ['fp16', 'fp32', 'q8', 'q4'];
  if (!isFolder) return asked === 'auto' ? (preferred[0] ?? 'fp32') : asked;
  const there = preferred.filter((dtype) => existsSync(join(place, 'onnx', files[dtype])));
  const chosen = asked === 'auto' ? there[0] : there.find((dtype) => dtype === asked);
  if (chosen !== undefined) return chosen;
  const wanted = asked === 'auto' ? 'onnx/model.onnx' : `onnx/${files[asked]}`;
  throw fail('MODEL_UNAVAILABLE', { model: place, reason: `${wanted} is missing; there is ${there.map((dtype) => `onnx/${files[dtype]}`).join(', ') || 'no ONNX file'}` });
}

const poolingFile = '1_Pooling/config.json';
const mode = z.boolean().default(false);
const poolingSchema = z.object({ pooling_mode_cls_token: mode, pooling_mode_max_tokens: mode, pooling_mode_lasttoken: mode, pooling_mode_weightedmean_tokens: mode });

/** What the model's own 1_Pooling/config.json says; the mean where there is none. Errors: MODEL_UNAVAILABLE. */
async function readPooling({ place, isFolder }: Model): Promise<Pooling> {
  const unusable = (problem: string, cause?: unknown): Error => fail('MODEL_UNAVAILABLE', { model: place, reason: `${poolingFile}, which tells how it pools, ${problem}; embedding.pooling can be set to mean or cls in its place` }, cause);
  let modes: z.output<typeof poolingSchema>;
  try {
    const text = isFolder ? await readIfThere(join(place, poolingFile)) : await readHubFile(place, poolingFile);
    modes = poolingSchema.parse(JSON.parse(text ?? '{}'));
  } catch (error) {
    throw unusable(`cannot be read (${reasonOf(error)})`, error);
  }
  const { pooling_mode_cls_token: cls, ...others } = modes;
  const unknown = Object.entries(others).find(([, used]) => used);
  if (unknown !== undefined) throw unusable(`says ${unknown[0]}, which is not known here`);
  return cls ? 'cls' : 'mean';
}

async function load({ place, isFolder }: Model, device: Device, dtype: Dtype): Promise<{ tokenizer: PreTrainedTokenizer; model: PreTrainedModel }> {
  env.allowRemoteModels = !isFolder;
  try {
    // An absolute path is no name of a model, so the library takes it for what it is.
    const options = { local_files_only: isFolder };
    return { tokenizer: await AutoTokenizer.from_pretrained(place, options), model: await AutoModel.from_pretrained(place, { ...options, device, dtype }) };
  } catch (error) {
    throw fail('MODEL_UNAVAILABLE', { model: place, reason: reasonOf(error).split('\n')[0] ?? '' }, error);
  }
}

interface Loaded {
  tokenizer: PreTrainedTokenizer;
  model: PreTrainedModel;
  pooling: Pooling;
  maxTokens: number;
  batchTokens: number;
}

const tokenIds = z.object({ input_ids: z.array(z.array(z.number())) });

async function embedTexts(texts: readonly string[], loaded: Loaded): Promise<Float32Array> {
  // Cutting by characters first spares tokenizing what is far beyond the limit; no tokenizer makes more than one token of 16 characters of prose.
  const starts = texts.map((text) => text.slice(0, loaded.maxTokens * 16).toWellFormed());
  const encoded: unknown = loaded.tokenizer(starts, { truncation: true, max_length: loaded.maxTokens, padding: false, return_tensor: false });
  const ids = tokenIds.parse(encoded).input_ids;
  const order = [...ids.keys()].sort((a, b) => (ids[a]?.length ?? 0) - (ids[b]?.length ?? 0) || a - b);
  let vectors = new Float32Array(0);
  for (const batch of fillBatches(order, ids, loaded.batchTokens)) {
    const pooled = await embedBatch(batch.map((text) => ids[text] ?? []), loaded);
    const dimensions = pooled.length / batch.length;
    if (vectors.length === 0) vectors = new Float32Array(texts.length * dimensions);
    for (const [row, text] of batch.entries()) vectors.set(pooled.subarray(row * dimensions, (row + 1) * dimensions), text * dimensions);
  }
  return vectors;
}

/** Cuts the texts, shortest first, into batches whose padded size stays within the limit; a text longer than that is a batch of its own. */
function* fillBatches(order: readonly number[], ids: readonly (readonly number[])[], limit: number): Generator<number[]> {
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

const outputSchema = z.object({ data: z.instanceof(Float32Array), dims: z.tuple([z.number(), z.number(), z.number()]) });
const modelOutputSchema = z.union([z.object({ last_hidden_state: outputSchema }).transform((output) => output.last_hidden_state), z.object({ token_embeddings: outputSchema }).transform((output) => output.token_embeddings)]);

async function embedBatch(ids: readonly (readonly number[])[], { model, pooling }: Loaded): Promise<Float32Array> {
  const length = Math.max(...ids.map((row) => row.length));
  const inputs = new BigInt64Array(ids.length * length);
  const mask = new BigInt64Array(ids.length * length);
  for (const [row, tokens] of ids.entries()) {
    for (const [place, token] of tokens.entries()) {
      inputs[row * length + place] = BigInt(token);
      mask[row * length + place] = 1n;
    }
  }
  const shape = [ids.length, length];
  const result: unknown = await model({ input_ids: new Tensor('int64', inputs, shape), attention_mask: new Tensor('int64', mask, shape) });
  const hidden = modelOutputSchema.parse(result);
  const vectors = pool(hidden.data, ids, length, hidden.dims[2], pooling);
  normalizeRows(vectors, hidden.dims[2]);
  return vectors;
}

/** One vector a text from those of its tokens (texts × length × dimensions): their sum, which points where their mean does, or the first. */
function pool(hidden: Float32Array, ids: readonly (readonly number[])[], length: number, dimensions: number, pooling: Pooling): Float32Array {
  const vectors = new Float32Array(ids.length * dimensions);
  for (let row = 0; row < ids.length; row++) {
    const tokens = pooling === 'cls' ? 1 : (ids[row]?.length ?? 0);
    for (let token = 0; token < tokens; token++) {
      const start = (row * length + token) * dimensions;
      for (let d = 0; d < dimensions; d++) vectors[row * dimensions + d] = (vectors[row * dimensions + d] ?? 0) + (hidden[start + d] ?? 0);
    }
  }
  return vectors;
}
