// What is taken for a number, wherever one is given: in the settings, on the command line, in a request.
// Within these bounds all that is calculated from several of them, products and powers included, is a finite
// number.

import { z } from 'zod';
import { fail } from './errors/errors.ts';

export const leastNumber = 1e-30;
export const mostNumber = 1e30;
/** No number needs more characters. */
export const mostNumberCharacters = 64;

/** A number above 0, within the bounds. */
export const positiveNumber = z.number().positive({ abort: true }).min(leastNumber).max(mostNumber);
/** A number of either sign, within the bounds. */
export const boundedNumber = z.number().min(-mostNumber).max(mostNumber);
/** How many of something there are, at least one: JavaScript counts no further than 2^53 one by one. */
export const countNumber = z.number().int().positive().max(Number.MAX_SAFE_INTEGER);
/**
 * Tokens of one document: more than a text of 64 MiB can have. The counts of millions of documents still add
 * up exactly, and each fits in 32 bits.
 */
export const mostDocumentTokens = 1e9;
/** A time in seconds that a timer can wait for: at most a week. */
export const mostSeconds = 604_800;
export const secondsNumber = z.number().positive({ abort: true }).min(1e-3).max(mostSeconds);

/**
 * A sum of tokens, as it is: every larger one is rounded, and so are its parts. Errors: TOKENS_TOO_MANY, with
 * the source that has most of them where it is known.
 */
export function exactTokens(tokens: number, mostOf?: { source: string; tokens: number }): number {
  if (Number.isSafeInteger(tokens)) return tokens;
  throw fail('TOKENS_TOO_MANY', {
    tokens: tokens.toPrecision(3),
    ...(mostOf === undefined ? {} : { source: mostOf.source }),
  });
}

/**
 * Whether a number lies beyond the bounds; one that is infinite, or none, stands for no value where tables
 * have it.
 */
export function isBeyond(value: number): boolean {
  return Number.isFinite(value) && Math.abs(value) > mostNumber;
}
