// The bounds of numbers in settings, options, and requests. They keep everything calculated from several of
// them, products and powers included, finite.

import { z } from 'zod';
import { fail } from './errors/errors.ts';

export const minNumber = 1e-30;
export const maxNumber = 1e30;
/** No number needs more characters. */
export const maxNumberCharacters = 64;

/** A number above 0, within the bounds. */
export const positiveNumber = z.number().positive({ abort: true }).min(minNumber).max(maxNumber);
/** A positive or negative number, within the bounds. */
export const boundedNumber = z.number().min(-maxNumber).max(maxNumber);
/** A count of at least one; JavaScript counts exactly up to 2^53. */
export const countNumber = z.number().int().positive().max(Number.MAX_SAFE_INTEGER);
/**
 * The largest token count of one document, more than a text of 64 MiB can have. The counts of millions of
 * documents still add up exactly, and each fits in 32 bits.
 */
export const maxDocumentTokens = 1e9;
/** The longest time of a timer, in seconds: a week. */
export const maxSeconds = 604_800;
export const secondsNumber = z.number().positive({ abort: true }).min(1e-3).max(maxSeconds);

/**
 * Returns a sum of tokens if it is exact. Errors: TOKENS_TOO_MANY, with the source that has the most tokens
 * if it is known.
 */
export function exactTokens(tokens: number, mostOf?: { source: string; tokens: number }): number {
  if (Number.isSafeInteger(tokens)) return tokens;
  throw fail('TOKENS_TOO_MANY', {
    tokens: tokens.toPrecision(3),
    ...(mostOf === undefined ? {} : { source: mostOf.source }),
  });
}

/** Whether a number is out of bounds. In tables, infinity and NaN stand for missing values. */
export function isOutOfBounds(value: number): boolean {
  return Number.isFinite(value) && Math.abs(value) > maxNumber;
}
