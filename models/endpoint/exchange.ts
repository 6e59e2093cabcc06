// Sends a request to an endpoint and reads the answer, with a timeout and a size limit. Retries temporary
// failures. The key comes only from the environment and is never shown.

import { isNativeError } from 'node:util/types';
import { fetch } from '../../data/remote/http.ts';
import { backOff, type Pace } from '../../data/remote/retry.ts';
import { kindOfStatus, parseRetryAfter, RemoteProblem } from '../../data/remote/store.ts';
import { BetrError, reasonOf } from '../../run/errors/errors.ts';
import { type Body, problemIn, readBody } from './body.ts';
import { findKey, type Quote, quoteFrom } from './quote.ts';

/** Attempts at a request, and the waits between them. */
export const defaultPace: Pace = { attempts: 6, firstWaitMs: 500, longestWaitMs: 30_000 };
/** The longest wait a server may request. */
const longestAskedMs = 120_000;

export interface Recipient {
  url: string;
  timeoutMs: number;
  /** The setting for the timeout. */
  timeoutSetting: string;
  /** Environment variables for the key; the first non-empty one is used. */
  keys: readonly string[];
  pace: Pace;
}

export interface Exchange<T> {
  /** Sent as JSON with POST. Without a body, the request is a GET. */
  body?: unknown;
  /** The most bytes an answer may have, and the limit as errors show it. */
  mostBytes: number;
  limit: string;
  /** Parses the body of a successful answer. Throws if it is not usable; errors show the body by `quote`. */
  read: (text: string, quote: Quote) => T;
  /** Whether a failure is permanent, whatever its status. */
  isFinal?: (status: number, message: string) => boolean;
}

/** Why there is no usable answer. */
export class EndpointProblem extends Error {
  /**
   * passing: temporary; key: access denied; status: any other refusal; answer: a successful answer that is not
   * usable.
   */
  readonly kind: 'passing' | 'key' | 'status' | 'answer';
  readonly status: number | undefined;
  /** Whether its words are the server's: a server's shortage of memory is not this machine's. */
  readonly isQuoted: boolean;
  /** The server's message. */
  readonly said: string;
  readonly retryAfterMs: number;
  /** Whether the connection broke in the middle of an answer. */
  readonly isCut: boolean;

  constructor(
    kind: EndpointProblem['kind'],
    message: string,
    more: {
      status?: number;
      said?: string;
      retryAfterMs?: number | undefined;
      isCut?: boolean;
      cause?: unknown;
    } = {},
  ) {
    super(message, { cause: more.cause });
    this.kind = kind;
    this.status = more.status;
    this.isQuoted = more.status !== undefined;
    this.said = more.said ?? message;
    this.retryAfterMs = more.retryAfterMs ?? 0;
    this.isCut = more.isCut ?? false;
  }
}

const bytesOfProblem = 1 << 16;

/** Returns the endpoint's answer. Throws an EndpointProblem or an error of the catalog. */
export async function exchange<T>(to: Recipient, asked: Exchange<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await exchangeOnce(to, asked);
    } catch (error) {
      if (!(error instanceof EndpointProblem) || error.kind !== 'passing') throw error;
      if (attempt >= to.pace.attempts) {
        const { status, said, isCut } = error;
        throw new EndpointProblem('passing', `${error.message}, ${attempt} times`, {
          ...(status === undefined ? {} : { status }),
          said,
          isCut,
          cause: error,
        });
      }
      await backOff({ longestAskedMs, ...to.pace }, attempt, error.retryAfterMs);
    }
  }
}

async function exchangeOnce<T>(
  { url, timeoutMs, timeoutSetting, keys }: Recipient,
  { body: sent, mostBytes, limit, read, isFinal }: Exchange<T>,
): Promise<T> {
  const key = findKey(keys);
  const quote = quoteFrom(url, key);
  let response: Response | undefined;
  let body: Body;
  try {
    response = await fetch(url, {
      method: sent === undefined ? 'GET' : 'POST',
      headers: {
        ...(sent === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
      },
      ...(sent === undefined ? {} : { body: JSON.stringify(sent) }),
      signal: AbortSignal.timeout(timeoutMs),
    });
    body = await readBody(response, response.ok ? mostBytes : bytesOfProblem);
  } catch (error) {
    // A DOMException, which Node 20 does not recognize as a native error.
    if (typeof error === 'object' && error !== null && 'name' in error && error.name === 'TimeoutError') {
      throw new EndpointProblem('passing', `no answer within ${timeoutMs / 1000} s (${timeoutSetting})`);
    }
    if (error instanceof BetrError) throw error;
    if (error instanceof RemoteProblem)
      throw new EndpointProblem(error.kind === 'passing' ? 'passing' : 'status', quote(error.message), {
        cause: error,
      });
    // After the status and headers, the connection broke in the middle of the answer.
    throw new EndpointProblem('passing', quote(causeOf(error)), {
      isCut: response !== undefined,
      cause: error,
    });
  }
  if (response.ok) {
    if (!body.whole) throw new EndpointProblem('answer', `the answer is larger than ${limit}`);
    try {
      return read(body.text, quote);
    } catch (error) {
      if (error instanceof EndpointProblem || error instanceof BetrError) throw error;
      throw new EndpointProblem('answer', quote(reasonOf(error)), { cause: error });
    }
  }
  const { status } = response;
  const said = quote(problemIn(body.text));
  const message = `HTTP ${status} ${said}`;
  if (isFinal?.(status, said) === true) throw new EndpointProblem('status', message, { status, said });
  if (kindOfStatus(status) === 'passing') {
    const retryAfterMs = parseRetryAfter(response.headers.get('retry-after') ?? '');
    throw new EndpointProblem('passing', message, { status, said, retryAfterMs });
  }
  if (status === 401 || status === 403) {
    const hint =
      key === undefined
        ? `no key was sent: set ${keys[0] ?? ''}`
        : `it refuses the key in ${keys.join(' or ')}`;
    throw new EndpointProblem('key', `${message} (${hint})`, { status, said });
  }
  throw new EndpointProblem('status', message, { status, said });
}

function causeOf(error: unknown): string {
  const cause: unknown = isNativeError(error) ? error.cause : undefined;
  return cause === undefined ? reasonOf(error) : `${reasonOf(error)} (${reasonOf(cause)})`;
}
