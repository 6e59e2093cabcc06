// A causal language model on this machine: transformers.js on ONNX Runtime. 8-bit weights are the default on
// a CPU: 4-bit ones of a small model answer nonsense.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { sha256File } from '../../data/files/hash-files.ts';
import { openRandom } from '../../data/seeded-random.ts';
import { BetrError, fail, reasonOf } from '../../run/errors/errors.ts';
import { readRegular } from '../../run/regular-file.ts';
import { fingerprint } from '../../run/run.ts';
import type { ModelSettings } from '../../run/model-settings.ts';
import { cutPrompts, joinTokens, type Joined, startWindow, textWindows } from '../joined-tokens.ts';
import type {
  Answer,
  CutSide,
  Generation,
  LanguageModel,
  Question,
  Sampling,
  TextLogProbability,
} from '../language-model.ts';
import { openCausalModel, type CausalModel, type Past, scoreSequences } from './causal-pass.ts';
import { chooseDevice } from './devices.ts';
import { readHubFile } from './hub.ts';
import { loadTransformers } from './transformers-library.ts';
import { chooseDtype, type Dtype, findModel, type FoundModel, modelFile } from './model.ts';
import { sampleToken } from './sample-token.ts';
import { openTextTokenizer, type TextTokenizer } from './text-tokenizer.ts';

/** What a model reads where its files do not say. */
const contextByDefault = 2048;

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
      throw new Error('it has no chat template, which "chat: true" needs');
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
        languageModel: 1,
        content: await describeContent(found, dtype),
        dtype,
        context,
        chat: settings.chat,
      }),
      contextTokens: context,
      beginning: tokenizer.beginningText,
      lacks: {},
      continuations: 'any',
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

interface Opened {
  name: string;
  tokenizer: TextTokenizer;
  model: CausalModel;
  context: number;
  ends: readonly number[];
  chat: boolean;
}

type Verbs = Pick<LanguageModel, 'logProbabilities' | 'textLogProbability' | 'generate'>;

function openVerbs({ name, tokenizer, model, context, ends, chat }: Opened): Verbs {
  const { beginning, encode } = tokenizer;
  const room = context - beginning.length;
  const start = (ids: readonly number[]): number[] => startWindow(name, beginning, ids);

  /** The prompt with each continuation, cut to the context. */
  const join = (
    prompt: string,
    continuations: readonly string[],
    side: CutSide,
  ): { joined: Joined[]; cutTokens: number } => {
    const joinAll = (text: string): Joined[] => {
      // The prompt alone is the same text for every continuation, and can be long.
      const known = new Map<string, readonly number[]>();
      const encodeOnce = (one: string): readonly number[] => {
        const tokens = known.get(one) ?? (chat ? tokenizer.encodeChat(text, one) : encode(one));
        known.set(one, tokens);
        return tokens;
      };
      return continuations.map((continuation) => joinTokens(encodeOnce, chat ? '' : text, continuation));
    };
    const whole = joinAll(prompt);
    if (!chat) return cutPrompts(whole, room, side);
    // Of a message the text is cut, and not what the template writes around it.
    let kept = encode(prompt);
    const all = kept.length;
    let joined = whole;
    for (;;) {
      const over = Math.max(...joined.map(({ ids }) => ids.length)) - room;
      if (over <= 0) return { joined, cutTokens: all - kept.length };
      if (over >= kept.length)
        throw fail('LANGUAGE_MODEL_QUESTION', {
          problem: `it does not fit into the context of ${context} tokens`,
        });
      kept = side === 'start' ? kept.slice(over) : kept.slice(0, -over);
      joined = joinAll(tokenizer.decode(kept));
    }
  };

  const logProbabilities = async (questions: readonly Question[], side: CutSide): Promise<Answer[]> => {
    const asked = questions.map(({ prompt, continuations }) => join(prompt, continuations, side));
    const sequences = asked.flatMap(({ joined }) =>
      joined.map(({ ids, promptTokens }) => ({
        ids: start(ids),
        scoredFrom: beginning.length + promptTokens,
      })),
    );
    if (sequences.some(({ scoredFrom }) => scoredFrom === 0)) {
      throw fail('LANGUAGE_MODEL_QUESTION', {
        problem: `its prompt is empty, and ${name} has no beginning token that a first token could follow`,
      });
    }
    const scored = await answered(name, scoreSequences(model, sequences));
    let next = 0;
    return asked.map(({ joined, cutTokens }) => ({
      continuations: joined.map(({ ids, promptTokens }) => {
        const { logProbability, isGreedy } = scored[next++] ?? {
          logProbability: Number.NaN,
          isGreedy: false,
        };
        return { logProbability, tokens: ids.length - promptTokens, promptTokens, isGreedy };
      }),
      cutTokens,
    }));
  };

  const textLogProbability = async (text: string): Promise<TextLogProbability> => {
    const ids = encode(text);
    const windows = textWindows(ids.length, room, beginning.length > 0);
    let logProbability = 0;
    // One window after the other: a long text's past need not be kept for the next.
    for (const { from, to, scoredFrom } of windows) {
      const sequence = { ids: start(ids.slice(from, to)), scoredFrom: beginning.length + scoredFrom - from };
      const [scored] = await answered(name, scoreSequences(model, [sequence]));
      logProbability += scored?.logProbability ?? Number.NaN;
    }
    const scoredTokens = ids.length - (windows[0]?.scoredFrom ?? 0);
    return {
      logProbability,
      tokens: ids.length,
      scoredTokens,
      bytes: Buffer.byteLength(text),
      windows: windows.length,
    };
  };

  const generate = async (prompt: string, sampling: Sampling): Promise<Generation> => {
    const { maxTokens, seed = 1, stop = [], cut = 'start' } = sampling;
    const read = chat ? tokenizer.encodeChat(prompt, '') : encode(prompt);
    const over = Math.max(0, read.length + maxTokens - room);
    if (over > 0 && (chat || over >= read.length)) {
      throw fail('LANGUAGE_MODEL_QUESTION', {
        problem:
          `a prompt of ${read.length} tokens and ${maxTokens} new ones do not fit into the ` +
          `context of ${context} tokens`,
      });
    }
    let ids = start(cut === 'start' ? read.slice(over) : read.slice(0, read.length - over));
    if (ids.length === 0)
      throw fail('LANGUAGE_MODEL_QUESTION', {
        problem: `its prompt is empty, and ${name} has no beginning token`,
      });
    const random = openRandom(seed);
    const written: number[] = [];
    let past: Past | undefined;
    let text = '';
    let isComplete = false;
    while (written.length < maxTokens && !isComplete) {
      const pass = await answered(name, model.read(ids, past));
      past = pass.past;
      const width = pass.logits.length / ids.length;
      const token = sampleToken(pass.logits.subarray(pass.logits.length - width), sampling, random);
      if (ends.includes(token)) isComplete = true;
      else written.push(token);
      text = tokenizer.decode(written);
      const stopAt = Math.min(...stop.map((end) => text.indexOf(end)).filter((at) => at >= 0));
      if (Number.isFinite(stopAt)) [text, isComplete] = [text.slice(0, stopAt), true];
      ids = [token];
    }
    return { text, tokens: written.length, isComplete, cutTokens: over };
  };

  return { logProbabilities, textLogProbability, generate };
}

/** What the model gives, with what is wrong with it told. Errors: LANGUAGE_MODEL_ANSWER. */
async function answered<T>(model: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw fail('LANGUAGE_MODEL_ANSWER', { model, problem: reasonOf(error).split('\n')[0] ?? '' }, error);
  }
}

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

/** Tokens of the context, and those that end a text. */
async function readConfig(
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

/** What log probabilities depend on: in a folder the bytes; the hub's name stands for what is there. */
async function describeContent({ place, isFolder }: FoundModel, dtype: Dtype): Promise<unknown> {
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

/** Tells what is wrong with a model's files as of a language model. */
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
    const device = `its device "${String(asked)}" cannot be used here (${said}); there is ${String(available)}`;
    throw fail('LANGUAGE_MODEL_UNAVAILABLE', { model, reason: asked === undefined ? said : device }, error);
  }
}
