// Opens what the settings name: embedders, which turn texts into unit vectors, and language models; on this
// machine or at an endpoint.

import type { Report } from '../run/progress.ts';
import { isAddress } from '../run/address.ts';
import { fail } from '../run/errors/errors.ts';
import type { Settings } from '../run/settings.ts';
import type { ModelSettings } from '../run/model-settings.ts';
import { openEndpoint } from './endpoint/embedder.ts';
import type { Embedder } from './embedder.ts';
import type { LanguageModel } from './language-model.ts';

/**
 * Opens the embedder that the settings name; relative folders start from `baseFolder`.
 * Errors: DEVICE_UNAVAILABLE, MODEL_UNAVAILABLE, MODEL_DAMAGED, NPM_PACKAGE_UNAVAILABLE, ENDPOINT_FAILED.
 */
export async function openEmbedder(
  settings: Settings['embedding'],
  baseFolder: string,
  report: Report,
): Promise<Embedder> {
  report({ stage: 'load the embedding model', done: 0, unit: 'documents' });
  if (isAddress(settings.model)) return openEndpoint(settings);
  // Its libraries take a while to load, and endpoints do not need them.
  const { openTransformer } = await import('./onnx/embedder.ts');
  return openTransformer(settings, baseFolder);
}

/**
 * Opens the language model that the settings have under a name; relative folders start from `baseFolder`.
 * Errors: LANGUAGE_MODEL_UNKNOWN, LANGUAGE_MODEL_UNAVAILABLE, and those of an endpoint or a pool of them.
 */
export async function openLanguageModel(
  { models }: Pick<Settings, 'models'>,
  name: string,
  baseFolder: string,
): Promise<LanguageModel> {
  const entry = models.find((model) => model.name === name);
  if (entry === undefined)
    throw fail('LANGUAGE_MODEL_UNKNOWN', { name, known: models.map((model) => model.name) });
  if (typeof entry.model !== 'string') {
    const { openServerPool } = await import('./endpoint/pool/server-pool.ts');
    return openServerPool(entry, entry.model, baseFolder);
  }
  const settings: ModelSettings = { ...entry, model: entry.model };
  if (isAddress(settings.model)) {
    const { openEndpointModel } = await import('./endpoint/language-model.ts');
    return openEndpointModel(settings);
  }
  if (/^dummy(:|$)/.test(settings.model)) {
    const { openDummy } = await import('./dummy/language-model.ts');
    return openDummy(settings);
  }
  if (settings.model === 'batch') {
    const { openBatchModel } = await import('./batch/language-model.ts');
    return openBatchModel(settings);
  }
  const { openOnnxModel } = await import('./onnx/language-model.ts');
  return openOnnxModel(settings, baseFolder);
}
