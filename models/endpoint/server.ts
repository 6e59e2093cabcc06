// A language model server: its addresses, its list of models, and requests to it.

import { z } from 'zod';
import { showPath } from '../../run/address.ts';
import { fail } from '../../run/errors/errors.ts';
import type { ModelSettings } from '../../run/model-settings.ts';
import { problemOf } from './address.ts';
import { EndpointProblem, exchange } from './exchange.ts';
import type { Pace } from '../../data/remote/retry.ts';
import { findKey, type Quote, quoteFrom } from './quote.ts';
import { readRefusal } from './refusal.ts';

const bytesAtMost = 1 << 28;
const charactersOfAnswer = 200;

export interface Server {
  /** The address without a version, and with one (…/v1). */
  root: string;
  base: string;
  /** The address without its secrets. */
  shown: string;
  /** The model's name at the server; undefined if neither the server nor the settings name one. */
  model: string | undefined;
  /** The server program, if the list of models names it: llamacpp, vllm, sglang, … */
  program: string;
  contextTokens: number | null;
  /** The size of the vocabulary and the number type of the weights, which llama.cpp reports. */
  vocabulary: number | null;
  quantization: string | null;
  /**
   * POSTs a body and parses the answer with a schema. Errors: those of `toError`. Throws an EndpointProblem if
   * the server refuses the request.
   */
  ask: <T>(url: string, body: unknown, schema: z.ZodType<T>) => Promise<T>;
}

const entrySchema = z.object({
  id: z.string(),
  aliases: z.array(z.string()).nullish(),
  owned_by: z.string().nullish(),
  max_model_len: z.number().int().positive().nullish(),
  meta: z
    .object({
      n_ctx: z.number().int().positive().nullish(),
      n_vocab: z.number().int().positive().nullish(),
      ftype: z.string().nullish(),
    })
    .nullish(),
});
type Entry = z.output<typeof entrySchema>;
const modelsSchema = z.object({ data: z.array(entrySchema) });

/**
 * Asks a server for its models and finds the one in the settings. Errors: LANGUAGE_MODEL_UNREACHABLE,
 * LANGUAGE_MODEL_KEY, LANGUAGE_MODEL_NAME.
 */
export async function openServer(settings: ModelSettings, pace: Pace): Promise<Server> {
  const { root, base, query } = addressesOf(settings.model);
  const shown = showPath(root);
  const problem = problemOf(
    settings.model,
    'put the key into an environment variable and set keyVariable to its name',
  );
  if (problem !== undefined) throw fail('LANGUAGE_MODEL_REFUSED', { url: shown, problem });
  const keys =
    settings.keyVariable === undefined ? ['BETR_MODEL_KEY', 'OPENAI_API_KEY'] : [settings.keyVariable];
  const send = <T>(url: string, body: unknown, schema: z.ZodType<T>, isShort: boolean): Promise<T> =>
    exchange(
      {
        url: `${url}${query}`,
        timeoutMs: Math.ceil(settings.timeoutSeconds * 1000),
        timeoutSetting: 'models[].timeoutSeconds',
        keys,
        pace,
      },
      {
        body,
        mostBytes: bytesAtMost,
        limit: `${bytesAtMost >> 20} MiB`,
        read: (text, quote) => readJson(text, schema, quote),
        isFinal: (status, message) => {
          const kind = readRefusal(status, message)?.kind;
          return status === 501 || (kind !== undefined && !(kind === 'length' && isShort));
        },
      },
    );
  const ask = async <T>(url: string, body: unknown, schema: z.ZodType<T>): Promise<T> => {
    const isShort = isPlainlyShort(body, contextTokens);
    try {
      return await send(url, body, schema, isShort);
    } catch (error) {
      throw toError(error, { shown, model: settings.endpointModel ?? '', keys, isShort });
    }
  };
  let contextTokens: number | null = null;
  const entries = await listModels(() => ask(`${base}/models`, undefined, modelsSchema));
  const quote = quoteFrom(`${base}/models${query}`, findKey(keys));
  const entry = findEntry(entries, settings.endpointModel, shown, quote);
  contextTokens = entry?.max_model_len ?? entry?.meta?.n_ctx ?? null;
  return {
    root,
    base,
    shown,
    model: settings.endpointModel ?? entry?.id,
    program: entry?.owned_by ?? '',
    contextTokens,
    vocabulary: entry?.meta?.n_vocab ?? null,
    quantization: typeof entry?.meta?.ftype === 'string' ? quote(entry.meta.ftype) : null,
    ask,
  };
}

/** The addresses of a server, from its host, its base, or the full address of a route. */
export function addressesOf(address: string): { root: string; base: string; query: string } {
  const [, start = '', path = '', query = ''] =
    /^(https?:\/\/[^/?#]*)([^?#]*)(\?[^#]*)?/i.exec(address) ?? [];
  const kept = path.replace(/(?<!\/)\/+$/, '').replace(/(?:\/chat)?\/completions$/, '');
  const [version = '/v1'] = /\/v\d[^/]*(?:\/openai)?$/.exec(kept) ?? [];
  const before = kept.endsWith(version) ? kept.slice(0, -version.length) : kept;
  return { root: `${start}${before}`, base: `${start}${before}${version}`, query };
}

async function listModels(ask: () => Promise<z.output<typeof modelsSchema>>): Promise<Entry[]> {
  try {
    return (await ask()).data;
  } catch (error) {
    // Some servers do not list their models.
    if (error instanceof EndpointProblem && (error.kind === 'answer' || error.status !== undefined))
      return [];
    throw error;
  }
}

function findEntry(
  entries: readonly Entry[],
  name: string | undefined,
  shown: string,
  quote: Quote,
): Entry | undefined {
  if (entries.length === 0) return undefined;
  const known = entries
    .slice(0, 10)
    .map(({ id }) => quote(id))
    .join(', ');
  if (name === undefined) {
    if (entries.length > 1) throw fail('LANGUAGE_MODEL_NAME', { url: shown, asked: '', known });
    return entries[0];
  }
  const isIt = ({ id, aliases }: Entry): boolean =>
    id === name || id === `${name}:latest` || id.endsWith(`/${name}`) || (aliases ?? []).includes(name);
  const entry = entries.find(isIt);
  if (entry === undefined) throw fail('LANGUAGE_MODEL_NAME', { url: shown, asked: name, known });
  return entry;
}

const promptSchema = z
  .union([
    z.object({ prompt: z.union([z.string(), z.array(z.number())]) }).transform(({ prompt }) => prompt),
    z
      .object({ messages: z.array(z.object({ content: z.string() })) })
      .transform(({ messages }) => messages.map(({ content }) => content).join('')),
  ])
  .optional()
  .catch(undefined);
/** Room for a chat template and a beginning token. */
const templateTokens = 256;

/** Whether a prompt fits for sure: a token is at least a byte. */
function isPlainlyShort(body: unknown, contextTokens: number | null): boolean {
  if (contextTokens === null) return false;
  const prompt = promptSchema.parse(body);
  if (prompt === undefined) return false;
  const most = typeof prompt === 'string' ? Buffer.byteLength(prompt) : prompt.length;
  return most + templateTokens < contextTokens;
}

/** A key: in a string, its first quotation mark would follow a backslash. */
const choicesKey = /(?<!\\)"choices"\s*:/g;

function readJson<T>(text: string, schema: z.ZodType<T>, quote: Quote): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The parser's error contains a part of the answer, so it is no cause.
    throw new EndpointProblem(
      'passing',
      `its answer is not complete JSON: ${quote(text, charactersOfAnswer)}`,
      { isCut: true },
    );
  }
  if ((text.match(choicesKey)?.length ?? 0) > 1)
    throw new EndpointProblem('answer', 'its answer has "choices" more than once');
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new EndpointProblem(
    'answer',
    `its answer has an unexpected format: ${quote(text, charactersOfAnswer)}`,
  );
}

const ofModelName = /\bmodel\b.{0,200}\b(?:not exist|not found|not available|unknown)/i;

/** Turns a failure into an error of the catalog, except answers and refusals that the caller may handle. */
function toError(
  error: unknown,
  {
    shown,
    model,
    keys,
    isShort,
  }: { shown: string; model: string; keys: readonly string[]; isShort: boolean },
): unknown {
  if (!(error instanceof EndpointProblem)) return error;
  const problem = error.message;
  if (error.kind === 'key')
    return fail('LANGUAGE_MODEL_KEY', { url: shown, problem, variables: keys.join(' or ') }, error);
  if (error.kind === 'passing')
    return fail(
      error.isCut ? 'LANGUAGE_MODEL_CUT_OFF' : 'LANGUAGE_MODEL_UNREACHABLE',
      { url: shown, problem },
      error,
    );
  if (error.kind === 'answer') return error;
  if (ofModelName.test(error.said))
    return fail(
      'LANGUAGE_MODEL_NAME',
      { url: shown, asked: model, known: `other models (${error.said})` },
      error,
    );
  if (!isShort && error.status !== undefined && readRefusal(error.status, error.said)?.kind === 'length') {
    return fail(
      'LANGUAGE_MODEL_QUESTION',
      { problem: `the prompt is too long for the server at ${shown} (${error.said})` },
      error,
    );
  }
  return error;
}
