// A causal language model on this machine: transformers.js on ONNX Runtime. The default on a CPU is 8-bit
// weights, because small models with 4-bit weights give useless answers.

import { BetrError, fail, reasonOf } from '../../run/errors/errors.ts';
import { fingerprint } from '../../run/run.ts';
import type { ModelSettings } from '../../run/model-settings.ts';
import { withoutThought } from '../endpoint/routes/request-bodies.ts';
import type { LanguageModel } from '../language-model.ts';
import { openCausalModel } from './causal-model.ts';
import { chooseDevice } from './devices.ts';
import { loadTransformers } from './transformers-library.ts';
import { chooseDtype, findModel } from './model.ts';
import { openTextTokenizer } from './text-tokenizer.ts';
import { describeContent, readConfig } from './language-model-files.ts';
import { openVerbs } from './language-model-verbs.ts';

/**
 * Opens a model: a folder (relative ones start from `baseFolder`), or a name on the hub. Errors:
 * LANGUAGE_MODEL_UNAVAILABLE.
 */
export async function openOnnxModel(settings: ModelSettings, baseFolder: string): Promise<LanguageModel> {
  return ofLanguageModel(settings.model, async () => {
    const device = await chooseDevice(settings.device);
    const found = await findModel(settings.model, baseFolder);
    const dtype = chooseDtype(settings.dtype, device, found);
    const library = await loadTransformers();
    library.env.allowRemoteModels = !found.isFolder;
    const tokenizer = await openTextTokenizer(library, found);
    if (settings.chat && !tokenizer.hasTemplate)
      throw new Error('it has no chat template, which "chat: true" requires');
    const { contextTokens, ends } = await readConfig(found, tokenizer.mostTokens);
    const model = await library.AutoModelForCausalLM.from_pretrained(found.place, {
      local_files_only: found.isFolder,
      device,
      dtype,
      session_options: settings.threads === undefined ? {} : { intraOpNumThreads: settings.threads },
    });
    const context = Math.min(contextTokens, settings.contextTokens ?? contextTokens);
    const verbs = openVerbs({
      name: settings.name,
      tokenizer,
      model: await openCausalModel(library, model),
      context,
      ends,
      chat: settings.chat,
    });
    return {
      name: settings.name,
      fingerprint: fingerprint({
        languageModel: 2,
        content: await describeContent(found, dtype),
        dtype,
        context,
        chat: settings.chat,
      }),
      contextTokens: context,
      beginning: tokenizer.beginningText,
      lacks: {},
      continuations: 'any',
      obeysControlTokens: false,
      answersLater: false,
      chatFields: withoutThought,
      source: {
        backEnd: 'onnx',
        place: found.source,
        quantization: dtype,
        precision: 'exact',
        topK: null,
        route: null,
      },
      ...verbs,
      close: async () => {
        await model.dispose();
      },
    };
  });
}

/** Turns errors about a model's files into errors about a language model. */
async function ofLanguageModel<T>(model: string, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    if (
      error instanceof BetrError &&
      error.code !== 'MODEL_UNAVAILABLE' &&
      error.code !== 'DEVICE_UNAVAILABLE'
    )
      throw error;
    const { asked, available, reason = reasonOf(error) } = error instanceof BetrError ? error.values : {};
    const said = String(reason).split('\n')[0] ?? '';
    const device = `the device "${String(asked)}" is not available here (${said}); available: ${String(available)}`;
    throw fail('LANGUAGE_MODEL_UNAVAILABLE', { model, reason: asked === undefined ? said : device }, error);
  }
}
