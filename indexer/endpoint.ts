// Any OpenAI-compatible /v1/embeddings endpoint (vLLM, TEI, Ollama …): batches, several requests at once, retries with back-off.
// The key comes from the environment alone and is never shown.

import { setTimeout } from 'node:timers/promises';
import { isNativeError } from 'node:util/types';
import { z } from 'zod';
import { BetrError, fail, reasonOf } from '../data/errors.ts';
import { fingerprint } from '../data/run.ts';
import type { Settings } from '../data/settings.ts';
import { type Embedder, normalizeRows } from './embed.ts';

const textsPerRequest = 64;
const requestsAtOnce = 4;
/** A token is seldom longer: a text is cut at this many characters for each token of embedding.maxTokens. */
const charactersPerToken = 4;
/** Lengths of vectors that float32 can make unit vectors of. */
const shortest = 1e-18;
const longest = 1e18;
const defaultPace = { attempts: 6, firstWaitMs: 500, longestWaitMs: 30_000, timeoutMs: 120_000 };

export type Pace = typeof defaultPace;

/** Opens an endpoint, asking it for one vector to learn the dimensions. `pace` is for tests. Errors: ENDPOINT_FAILED. */
export async function openEndpoint(settings: Settings['embedding'], pace: Pace = defaultPace): Promise<Embedder> {
  const url = embeddingsUrl(settings.model);
  const name = settings.endpointModel ?? 'default';
  const limit = settings.maxTokens * charactersPerToken;
  const request = (texts: readonly string[]): Promise<number[][]> => requestVectors(url, name, texts.map((text) => text.slice(0, limit).toWellFormed()), pace);
  const dimensions = (await request(['dimensions']))[0]?.length ?? 0;
  return {
    name: settings.endpointModel ?? url,
    fingerprint: fingerprint({ url, name, limit }),
    dimensions,
    device: 'endpoint',
    source: `endpoint ${url}`,
    async embed(texts) {
      const vectors = new Float32Array(texts.length * dimensions);
      let next = 0;
      const work = async (): Promise<void> => {
        while (next < texts.length) {
          const start = next;
          next += textsPerRequest;
          const rows = await request(texts.slice(start, start + textsPerRequest));
          for (const [i, row] of rows.entries()) {
            if (row.length !== dimensions) throw fail('ENDPOINT_FAILED', { url, problem: `it gave a vector of ${row.length} numbers after one of ${dimensions}` });
            const length = Math.hypot(...row);
            if (!(length > shortest && length < longest)) throw fail('ENDPOINT_FAILED', { url, problem: `it gave a vector of length ${length}, which has no direction` });
            vectors.set(row, (start + i) * dimensions);
          }
        }
      };
      await Promise.all(Array.from({ length: requestsAtOnce }, work));
      normalizeRows(vectors, dimensions);
      return vectors;
    },
    close: () => Promise.resolve(),
  };
}

/** The URL of the embeddings route, from a base with or without /v1 or the whole of it. */
function embeddingsUrl(base: string): string {
  const trimmed = base.replace(/(?<!\/)\/+$/, '');
  if (trimmed.endsWith('/embeddings')) return trimmed;
  return `${trimmed}${/\/v\d+$/.test(trimmed) ? '' : '/v1'}/embeddings`;
}

const responseSchema = z.object({ data: z.array(z.object({ index: z.number().int().nonnegative(), embedding: z.array(z.number()).min(1) })) });

async function requestVectors(url: string, model: string, texts: readonly string[], pace: Pace): Promise<number[][]> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await requestOnce(url, model, texts, pace.timeoutMs);
    } catch (error) {
      const again = error instanceof Passing;
      if (!again || attempt >= pace.attempts) {
        if (error instanceof BetrError) throw error;
        throw fail('ENDPOINT_FAILED', { url, problem: `${reasonOf(error)}${again ? `, ${attempt} times` : ''}` }, error);
      }
      // Half of the wait is left to chance, so that clients that failed together do not come back together.
      const backOffMs = Math.min(pace.longestWaitMs, pace.firstWaitMs * 2 ** (attempt - 1)) * (0.5 + Math.random() / 2);
      await setTimeout(error.retryAfterMs ?? backOffMs);
    }
  }
}

/** A failure that may pass: too many requests, a server's own trouble, no connection, no answer in time. */
class Passing extends Error {
  readonly retryAfterMs: number | undefined;
  constructor(message: string, retryAfterMs?: number) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }
}

async function requestOnce(url: string, model: string, texts: readonly string[], timeoutMs: number): Promise<number[][]> {
  const key = process.env['BETR_EMBEDDING_KEY'] ?? process.env['OPENAI_API_KEY'];
  let response: Response;
  let body: string;
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) },
      // Some servers refuse an empty text.
      body: JSON.stringify({ model, input: texts.map((text) => (text === '' ? ' ' : text)), encoding_format: 'float' }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    body = await response.text();
  } catch (error) {
    throw new Passing(causeOf(error));
  }
  if (response.status === 429 || response.status >= 500) throw new Passing(`HTTP ${response.status} ${body.slice(0, 200)}`, retryAfter(response));
  if (!response.ok) throw new Error(`HTTP ${response.status} ${body.slice(0, 200)}`);
  return readVectors(body, texts.length);
}

function causeOf(error: unknown): string {
  const cause: unknown = isNativeError(error) ? error.cause : undefined;
  return cause === undefined ? reasonOf(error) : `${reasonOf(error)} (${reasonOf(cause)})`;
}

const longestRetryAfterMs = 120_000;

function retryAfter(response: Response): number | undefined {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(longestRetryAfterMs, seconds * 1000) : undefined;
}

function readVectors(body: string, count: number): number[][] {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new Error(`the answer is not JSON: ${body.slice(0, 200)}`);
  }
  const answer = responseSchema.safeParse(value);
  if (!answer.success) throw new Error(`the answer is not a list of embeddings of finite numbers: ${body.slice(0, 200)}`);
  const byText = new Map(answer.data.data.map(({ index, embedding }) => [index, embedding]));
  const rows = Array.from({ length: count }, (_, text) => byText.get(text)).filter((row) => row !== undefined);
  if (answer.data.data.length !== count || rows.length !== count) throw new Error(`the answer has ${answer.data.data.length} embeddings, of ${rows.length} of ${count} texts`);
  return rows;
}
