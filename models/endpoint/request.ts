// Requests to an endpoint: tried again where the failure may pass, within a time and up to a size. The key comes from the environment alone and is never shown.

import { setTimeout } from 'node:timers/promises';
import { isNativeError } from 'node:util/types';
import { z } from 'zod';
import { BetrError, fail, reasonOf } from '../../run/errors/errors.ts';
import { fetch } from '../../data/remote/http.ts';
import { RemoteProblem } from '../../data/remote/store.ts';
import { readVectors } from './answer.ts';
import { readRefusal, type Refusal } from './refusal.ts';
import { showPath } from '../../run/address.ts';

/** Attempts at a request, and the waits between them. */
export const defaultPace = { attempts: 6, firstWaitMs: 500, longestWaitMs: 30_000 };
export type Pace = typeof defaultPace;

export interface Endpoint {
  url: string;
  model: string;
  timeoutMs: number;
  pace: Pace;
}

const longestRetryAfterMs = 120_000;
/** A vector of 16,384 numbers of 20 digits is a third of this. */
const bytesPerVector = 1 << 20;
const bytesOfProblem = 1 << 16;
const charactersOfProblem = 300;

/** The texts' vectors in their order, or why the endpoint does not take these texts. Errors: ENDPOINT_FAILED. */
export async function requestVectors(endpoint: Endpoint, texts: readonly string[]): Promise<number[][] | Refusal> {
  const { url, pace } = endpoint;
  for (let attempt = 1; ; attempt++) {
    try {
      return await requestOnce(endpoint, texts);
    } catch (error) {
      const mayPass = error instanceof Passing;
      if (!mayPass || attempt >= pace.attempts) {
        if (error instanceof BetrError) throw error;
        throw fail('ENDPOINT_FAILED', { url: showPath(url), problem: `${reasonOf(error)}${mayPass ? `, ${attempt} times` : ''}`, mayPass }, error);
      }
      // Half of the wait is left to chance, so that clients that failed together do not come back together.
      const backOffMs = Math.min(pace.longestWaitMs, pace.firstWaitMs * 2 ** (attempt - 1)) * (0.5 + Math.random() / 2);
      // Overloaded servers say "Retry-After: 0", too.
      await setTimeout(Math.max(backOffMs, error.retryAfterMs));
    }
  }
}

/** A failure that may pass: too many requests, a server's own trouble, no connection, no answer in time. */
class Passing extends Error {
  readonly retryAfterMs: number;
  constructor(message: string, retryAfterMs = 0) {
    super(message);
    this.retryAfterMs = retryAfterMs;
  }
}

async function requestOnce({ url, model, timeoutMs }: Endpoint, texts: readonly string[]): Promise<number[][] | Refusal> {
  const key = readKey();
  const hide = (text: string): string => (key === undefined ? text : text.replaceAll(key, '***')).replaceAll(url, showPath(url));
  let response: Response;
  let body: Body;
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(key === undefined ? {} : { authorization: `Bearer ${key}` }) },
      // Some servers refuse an empty text.
      body: JSON.stringify({ model, input: texts.map((text) => (text === '' ? ' ' : text)), encoding_format: 'float' }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    body = await readBody(response, response.ok ? texts.length * bytesPerVector : bytesOfProblem);
  } catch (error) {
    // A DOMException, which Node 20 does not count as an error of its own.
    if (typeof error === 'object' && error !== null && 'name' in error && error.name === 'TimeoutError') throw new Passing(`no answer within ${timeoutMs / 1000} s (embedding.timeoutSeconds)`);
    if (error instanceof BetrError) throw error;
    if (error instanceof RemoteProblem) throw error.kind === 'passing' ? new Passing(hide(error.message)) : new Error(hide(error.message), { cause: error });
    throw new Passing(hide(causeOf(error)));
  }
  if (response.ok) {
    if (!body.whole) throw new Error(`the answer is larger than ${bytesPerVector >> 20} MiB for each text`);
    return readVectors(body.text, texts.length);
  }
  const { status } = response;
  const message = hide(problemIn(body.text));
  const refusal = readRefusal(status, message);
  if (refusal !== undefined) return refusal;
  const said = `HTTP ${status} ${message}`;
  if (status === 408 || status === 424 || status === 429 || status >= 500) throw new Passing(said, retryAfterMs(response));
  if (status === 401 || status === 403) throw new Error(`${said} (${key === undefined ? 'no key was sent: set BETR_EMBEDDING_KEY' : 'it refuses the key in BETR_EMBEDDING_KEY or OPENAI_API_KEY'})`);
  throw new Error(said);
}

function readKey(): string | undefined {
  return [process.env['BETR_EMBEDDING_KEY'], process.env['OPENAI_API_KEY']].map((key) => key?.trim()).find((key) => key !== undefined && key !== '');
}

interface Body {
  text: string;
  whole: boolean;
}

/** The body up to `most` bytes. */
async function readBody(response: Response, most: number): Promise<Body> {
  const pieces: AsyncIterable<Uint8Array> | null = response.body;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  if (pieces === null) return { text: '', whole: true };
  for await (const chunk of pieces) {
    chunks.push(chunk);
    bytes += chunk.length;
    // Leaving the loop closes the connection.
    if (bytes > most) break;
  }
  return { text: Buffer.concat(chunks).toString(), whole: bytes <= most };
}

const problemSchema = z.union([
  z.object({ error: z.object({ message: z.string() }) }).transform(({ error }) => error.message),
  z.object({ error: z.string() }).transform(({ error }) => error),
  z.object({ message: z.string() }).transform(({ message }) => message),
  z.object({ detail: z.string() }).transform(({ detail }) => detail),
]);

/** What a server's answer says is wrong, on one line. */
function problemIn(body: string): string {
  let text = body;
  try {
    text = problemSchema.parse(JSON.parse(body));
  } catch {
    // Not one of the usual shapes: the body itself.
  }
  return text.replace(/\s+/g, ' ').trim().slice(0, charactersOfProblem);
}

function causeOf(error: unknown): string {
  const cause: unknown = isNativeError(error) ? error.cause : undefined;
  return cause === undefined ? reasonOf(error) : `${reasonOf(error)} (${reasonOf(cause)})`;
}

/** In milliseconds from seconds or a date; 0 where it is missing or neither. */
function retryAfterMs(response: Response): number {
  const value = response.headers.get('retry-after') ?? '';
  const waitMs = /^[\d.]+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now();
  return Math.min(longestRetryAfterMs, Math.max(0, waitMs || 0));
}
