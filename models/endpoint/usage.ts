// The tokens that requests to servers read and write, as the servers count them. A question can take dozens of
// requests, several layers down, so each request reports to whoever counts.

import { AsyncLocalStorage } from 'node:async_hooks';
import { z } from 'zod';

/** Tokens as a server counts them. Some estimate them, and send fractions. */
export const tokenCount = z
  .number()
  .min(0)
  .max(1e12)
  .transform((tokens) => Math.ceil(tokens))
  .nullish();

/** The counts beside an answer. */
export const usageSchema = z.object({ prompt_tokens: tokenCount, completion_tokens: tokenCount }).nullish();

export interface Usage {
  tokensRead: number;
  tokensWritten: number;
}

const counting = new AsyncLocalStorage<Usage>();

/** Does some work, and counts the tokens of all requests in it. */
export async function countUsage<T>(work: () => Promise<T>): Promise<T & Usage> {
  const usage: Usage = { tokensRead: 0, tokensWritten: 0 };
  return { ...(await counting.run(usage, work)), ...usage };
}

/** Adds the tokens of a request to what is being counted. */
export function addUsage(tokensRead: number, tokensWritten: number): void {
  const usage = counting.getStore();
  if (usage === undefined) return;
  usage.tokensRead += tokensRead;
  usage.tokensWritten += tokensWritten;
}

const bytesPerToken = 4;

/** The tokens of a text, for servers that do not report them. */
export function estimateTokens(text: string): number {
  return Math.ceil(Buffer.byteLength(text) / bytesPerToken);
}
