// A transformer that scores texts on its own: any ONNX model for sequence classification or regression, in
// the embedder's runtime. Its logits are stored by text content next to the embedder's vectors, so each text
// is read once for all labels. The model is loaded only if logits are missing.

import { join } from 'node:path';
import { z } from 'zod';
import type { Tensor } from '#transformers';
import { BetrError, fail, reasonOf } from '../../run/errors/errors.ts';
import type { Report } from '../../run/progress.ts';
import { readRegular } from '../../run/regular-file.ts';
import { fingerprint } from '../../run/run.ts';
import type { Settings } from '../../run/settings.ts';
import { chooseDevice, type Device } from './devices.ts';
import { readHubFile } from './hub.ts';
import {
  chooseDtype,
  type Dtype,
  findModel,
  type FoundModel,
  modelFile,
  type OnnxModel,
  openModel,
  preferredDtypes,
} from './model.ts';
import { sha256File } from '../../data/files/hash-files.ts';
import type { TextVectors } from '../embedder.ts';

/** Tokens read of a text: nearly all such models are trained with this many. **[ours]** */
const mostTokens = 512;

export interface Head extends TextVectors {
  name: string;
  source: string;
  /** Name of each logit. */
  labels: readonly string[];
  /** The number is the score; one label of several applies; or any number of labels apply independently. */
  kind: 'regression' | 'one' | 'several';
  close: () => Promise<void>;
}

/** In transformers' configurations, a model has two labels unless it names others. */
const configSchema = z.object({
  id2label: z.record(z.string().regex(/^\d+$/), z.string()).default({ 0: 'LABEL_0', 1: 'LABEL_1' }),
  problem_type: z.string().nullish(),
});

/**
 * Finds a head in a folder or by its name on the hub; device and number type come from the embedder's
 * settings. Errors: HEAD_UNAVAILABLE, DEVICE_UNAVAILABLE; `embed` also has HEAD_INVALID.
 */
export async function openHead(
  setting: string,
  { device: asked, dtype }: Settings['embedding'],
  baseFolder: string,
  report: Report,
): Promise<Head> {
  const device = await chooseDevice(asked);
  const found = await ofHead(() => findModel(setting, baseFolder));
  const { labels, kind } = await readConfig(found);
  const dtypes =
    found.isFolder || dtype !== 'auto'
      ? [await ofHead(() => chooseDtype(dtype, device, found))]
      : preferredDtypes(device);
  let model: OnnxModel | undefined;
  return {
    name: found.name,
    source: found.source,
    labels,
    kind,
    fingerprint: fingerprint({ head: 1, content: await describeContent(found, dtypes), dtypes, mostTokens }),
    dimensions: labels.length,
    isUnit: false,
    async embed(texts) {
      if (model === undefined) report({ stage: 'load the classification head', done: 0, unit: 'documents' });
      model ??= await ofHead(() => loadFirst(found, device, dtypes));
      return model.run(texts, (outputs, { ids }) =>
        readLogits(found.name, outputs, ids.length, labels.length),
      );
    },
    close: async () => model?.close(),
  };
}

/** Scores from rows of logits: the logit itself for a regression, else the probability of the label. */
export function scoresOf(
  { kind, labels }: Pick<Head, 'kind' | 'labels'>,
  logits: Float32Array,
  label: number,
): Float64Array {
  const width = labels.length;
  return Float64Array.from({ length: logits.length / width }, (_, text) => {
    const row = logits.subarray(text * width, (text + 1) * width);
    const own = row[label] ?? 0;
    if (kind === 'regression') return own;
    if (kind === 'several') return 1 / (1 + Math.exp(-own));
    // The softmax as 1 / Σ e^(logit − own), where the label's own logit contributes 1.
    return 1 / row.reduce((sum, logit) => sum + Math.exp(logit - own), 0);
  });
}

async function readConfig(found: FoundModel): Promise<Pick<Head, 'labels' | 'kind'>> {
  try {
    const text = found.isFolder
      ? await readRegular(join(found.place, 'config.json'), 'utf8')
      : await readHubFile(found.place, 'config.json');
    if (text === undefined) throw new Error('the file does not exist');
    const { id2label, problem_type: problem } = configSchema.parse(JSON.parse(text));
    const labels = Object.entries(id2label)
      .sort(([a], [b]) => Number(a) - Number(b))
      .map(([, label]) => label);
    return {
      labels,
      kind:
        labels.length === 1 || problem === 'regression'
          ? 'regression'
          : problem === 'multi_label_classification'
            ? 'several'
            : 'one',
    };
  } catch (error) {
    throw fail(
      'HEAD_UNAVAILABLE',
      { model: found.place, reason: `config.json: ${reasonOf(error).split('\n')[0] ?? ''}` },
      error,
    );
  }
}

/** Everything the logits depend on: the bytes of a folder; on the hub, the model's name. */
async function describeContent(
  { place, isFolder }: FoundModel,
  [dtype = 'fp32']: readonly Dtype[],
): Promise<unknown> {
  return isFolder
    ? Promise.all(
        [join('onnx', modelFile[dtype]), 'tokenizer.json', 'tokenizer_config.json'].map((file) =>
          sha256File(join(place, file)),
        ),
      )
    : place;
}

/** Loads the first number type that the model has. */
async function loadFirst(found: FoundModel, device: Device, dtypes: readonly Dtype[]): Promise<OnnxModel> {
  const problems: unknown[] = [];
  for (const dtype of dtypes) {
    try {
      return await openModel(found, device, dtype, mostTokens);
    } catch (error) {
      problems.push(error);
    }
  }
  throw problems[0];
}

const outputsSchema = z.looseObject({
  logits: z.custom<Tensor>((value) => typeof value === 'object' && value !== null && 'to' in value),
});

function readLogits(name: string, outputs: unknown, texts: number, labels: number): Float32Array {
  const parsed = outputsSchema.safeParse(outputs);
  if (!parsed.success)
    throw fail('HEAD_INVALID', {
      model: name,
      problem:
        'it returns ' +
        `${typeof outputs === 'object' && outputs !== null ? Object.keys(outputs).join(', ') : 'nothing'} ` +
        'but no logits',
    });
  const values = z.instanceof(Float32Array).parse(parsed.data.logits.to('float32').data);
  if (values.length !== texts * labels)
    throw fail('HEAD_INVALID', {
      model: name,
      problem:
        `it returns ${values.length / texts} logits per text, but its config.json has ` + `${labels} labels`,
    });
  if (!values.every(Number.isFinite))
    throw fail('HEAD_INVALID', { model: name, problem: 'it returns logits that are not finite numbers' });
  return values;
}

/** Reports a model's problem as that of a head. */
async function ofHead<T>(open: () => T | Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    if (!(error instanceof BetrError) || error.code !== 'MODEL_UNAVAILABLE') throw error;
    throw fail(
      'HEAD_UNAVAILABLE',
      { model: String(error.values['model']), reason: String(error.values['reason']) },
      error,
    );
  }
}
