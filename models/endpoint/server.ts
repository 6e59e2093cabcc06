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
import { isPlainlyShort, readJson, toError } from './server-answers.ts';

const bytesAtMost = 1 << 28;

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
      throw toError(error, { shown, model: model ?? '', keys, isShort });
    }
  };
  let contextTokens: number | null = null;
  let model = settings.endpointModel;
  const entries = await listModels(() => ask(`${base}/models`, undefined, modelsSchema));
  const quote = quoteFrom(`${base}/models${query}`, findKey(keys));
  const entry = findEntry(entries, settings.endpointModel, shown, quote);
  model ??= entry?.id;
  contextTokens = entry?.max_model_len ?? entry?.meta?.n_ctx ?? null;
  return {
    root,
    base,
    shown,
    model,
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
