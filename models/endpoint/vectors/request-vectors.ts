// Requests for vectors to an endpoint.

import { showPath } from '../../../run/address.ts';
import { fail } from '../../../run/errors/errors.ts';
import { readVectors } from './read-vectors.ts';
import { EndpointProblem, exchange } from '../exchange.ts';
import type { Pace } from '../../../data/remote/retry.ts';
import { readRefusal, type Refusal } from '../refusal.ts';

export interface Endpoint {
  url: string;
  model: string;
  timeoutMs: number;
  pace: Pace;
}

/** A vector of 16,384 numbers of 20 digits is a third of this. */
const bytesPerVector = 1 << 20;

/**
 * The texts' vectors in their order, or why the endpoint does not take these texts. Errors: ENDPOINT_FAILED.
 */
export async function requestVectors(
  { url, model, timeoutMs, pace }: Endpoint,
  texts: readonly string[],
): Promise<number[][] | Refusal> {
  try {
    return await exchange(
      {
        url,
        timeoutMs,
        timeoutSetting: 'embedding.timeoutSeconds',
        keys: ['BETR_EMBEDDING_KEY', 'OPENAI_API_KEY'],
        pace,
      },
      {
        // Some servers refuse an empty text.
        body: { model, input: texts.map((text) => (text === '' ? ' ' : text)), encoding_format: 'float' },
        mostBytes: texts.length * bytesPerVector,
        limit: `${bytesPerVector >> 20} MiB per text`,
        read: (text, quote) => readVectors(text, texts.length, quote),
        isFinal: (status, message) => readRefusal(status, message) !== undefined,
      },
    );
  } catch (error) {
    if (!(error instanceof EndpointProblem)) throw error;
    const refusal = error.status === undefined ? undefined : readRefusal(error.status, error.said);
    if (refusal !== undefined) return refusal;
    throw fail(
      'ENDPOINT_FAILED',
      { url: showPath(url), problem: error.message, mayPass: error.kind === 'passing' },
      error,
    );
  }
}
