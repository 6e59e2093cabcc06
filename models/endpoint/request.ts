// Sends requests to an endpoint: retries temporary failures, and limits the time and size of an answer. The
// key comes only from the environment and is never shown.

import { isNativeError } from 'node:util/types';
import { z } from 'zod';
import { BetrError, fail, reasonOf } from '../../run/errors/errors.ts';
import { fetch } from '../../data/remote/http.ts';
import { countAttemptsAt, type Pace, retry } from '../../data/remote/retry.ts';
import { kindOfStatus, parseRetryAfter, RemoteProblem } from '../../data/remote/store.ts';
import { readVectors } from './answer.ts';
import { readRefusal, type Refusal } from './refusal.ts';
import { showPath } from '../../run/address.ts';

/** Number of attempts, and the waits between them. */
export const defaultPace: Pace = { attempts: 6, firstWaitMs: 500, longestWaitMs: 30_000 };

export interface Endpoint {
  url: string;
  model: string;
  timeoutMs: number;
  pace: Pace;
}

const longestAskedMs = 120_000;
/** A vector of 16,384 numbers of 20 digits needs a third of this. */
const bytesPerVector = 1 << 20;
const bytesOfProblem = 1 << 16;
const charactersOfProblem = 300;

/** The vectors of the texts in order, or why the endpoint refuses these texts. Errors: ENDPOINT_FAILED. */
export function requestVectors(endpoint: Endpoint, texts: readonly string[]): Promise<number[][] | Refusal> {
  const { url, pace } = endpoint;
  const attempts = countAttemptsAt({ longestAskedMs, ...pace }, (problem, failures) => {
    const mayPass = problem.kind === 'passing';
    return fail(
      'ENDPOINT_FAILED',
      { url: showPath(url), problem: `${problem.message}${mayPass ? `, ${failures} times` : ''}`, mayPass },
      problem,
    );
  });
  const attempt = (): Promise<number[][] | Refusal> =>
    requestOnce(endpoint, texts).catch((error: unknown) => {
      throw error instanceof BetrError || error instanceof RemoteProblem
        ? error
        : new RemoteProblem('lasting', reasonOf(error), { cause: error });
    });
  return retry(url, attempt, attempts);
}

/** A temporary failure: too many requests, a server error, no connection, or no answer in time. */
function passing(message: string, retryAfter = ''): RemoteProblem {
  return new RemoteProblem('passing', message, { retryAfterMs: parseRetryAfter(retryAfter) });
}

async function requestOnce(
  { url, model, timeoutMs }: Endpoint,
  texts: readonly string[],
): Promise<number[][] | Refusal> {
  const key = readKey();
  const hide = (text: string): string =>
    (key === undefined ? text : text.replaceAll(key, '***')).replaceAll(url, showPath(url));
  let response: Response;
  let body: Body;
  try {
    response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      },
      // Some servers refuse empty texts.
      body: JSON.stringify({
        model,
        input: texts.map((text) => (text === '' ? ' ' : text)),
        encoding_format: 'float',
      }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    body = await readBody(response, response.ok ? texts.length * bytesPerVector : bytesOfProblem);
  } catch (error) {
    // A DOMException, which is not an instance of Error on Node 20.
    if (typeof error === 'object' && error !== null && 'name' in error && error.name === 'TimeoutError')
      throw passing(`no answer within ${timeoutMs / 1000} s (embedding.timeoutSeconds)`);
    if (error instanceof BetrError) throw error;
    if (error instanceof RemoteProblem)
      throw new RemoteProblem(error.kind, hide(error.message), { cause: error });
    throw passing(hide(causeOf(error)));
  }
  if (response.ok) {
    if (!body.whole) throw new Error(`the answer is larger than ${bytesPerVector >> 20} MiB per text`);
    return readVectors(body.text, texts.length);
  }
  const { status } = response;
  const message = hide(problemIn(body.text));
  const refusal = readRefusal(status, message);
  if (refusal !== undefined) return refusal;
  const said = `HTTP ${status} ${message}`;
  if (kindOfStatus(status) === 'passing') throw passing(said, response.headers.get('retry-after') ?? '');
  if (status === 401 || status === 403)
    throw new Error(
      `${said} (${
        key === undefined
          ? 'no key was sent: set BETR_EMBEDDING_KEY'
          : 'it refuses the key ' + 'in BETR_EMBEDDING_KEY or OPENAI_API_KEY'
      })`,
    );
  throw new Error(said);
}

function readKey(): string | undefined {
  return [process.env['BETR_EMBEDDING_KEY'], process.env['OPENAI_API_KEY']]
    .map((key) => key?.trim())
    .find((key) => key !== undefined && key !== '');
}

interface Body {
  text: string;
  whole: boolean;
}

/** Reads the body, up to `most` bytes. */
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

/** The error message in a server's answer, on one line. */
function problemIn(body: string): string {
  let text = body;
  try {
    text = problemSchema.parse(JSON.parse(body));
  } catch {
    // An unknown format: use the body itself.
  }
  return text.replace(/\s+/g, ' ').trim().slice(0, charactersOfProblem);
}

function causeOf(error: unknown): string {
  const cause: unknown = isNativeError(error) ? error.cause : undefined;
  return cause === undefined ? reasonOf(error) : `${reasonOf(error)} (${reasonOf(cause)})`;
}
