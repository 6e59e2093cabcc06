// Reads the body of a request whole, up to its route's limit.

import express, { type Request, type Response } from 'express';
import { fail } from '../run/errors/errors.ts';
import type { Guard } from './guard.ts';
import { knownError } from './problem.ts';

/** Where a route says nothing. Parsing so much takes less than a millisecond. */
export const bodyLimitBytes = 16_384;

const readers = new Map<number, Guard>();

/** Reads a body. Errors: BODY_TOO_LARGE, BODY_INVALID. */
export async function readBody(
  request: Request,
  response: Response,
  limit: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const read: Guard = readers.get(limit) ?? express.raw({ limit, type: () => true });
  readers.set(limit, read);
  await new Promise<void>((resolve, reject) =>
    read(request, response, (error?: unknown) =>
      error === undefined ? resolve() : reject(knownError(error, limit)),
    ),
  );
  const body: unknown = request.body;
  request.body = undefined;
  return body instanceof Uint8Array ? new Uint8Array(body) : new Uint8Array();
}

/**
 * How many bytes a request's body takes in memory, at most: what it says, or the limit where it does not say
 * or is compressed. Errors: BODY_TOO_LARGE.
 */
export function sizeBody({ headers }: Request, limit: number): number {
  const said = Number(headers['content-length'] ?? NaN);
  if (said > limit) throw fail('BODY_TOO_LARGE', { limitBytes: limit });
  return Number.isFinite(said) && headers['content-encoding'] === undefined ? said : limit;
}
