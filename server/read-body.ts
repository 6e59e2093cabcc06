// Reads a request's body into memory, up to its route's limit.

import express, { type Request, type Response } from 'express';
import { fail } from '../run/errors/errors.ts';
import type { Guard } from './guard.ts';
import { knownError } from './problem.ts';

/** The default limit. Parsing this much takes less than a millisecond. */
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
 * The most bytes that a request's body takes in memory: its declared length, or the limit if it declares
 * none or is compressed. Errors: BODY_TOO_LARGE.
 */
export function sizeBody({ headers }: Request, limit: number): number {
  const declared = Number(headers['content-length'] ?? NaN);
  if (declared > limit) throw fail('BODY_TOO_LARGE', { limitBytes: limit });
  return Number.isFinite(declared) && headers['content-encoding'] === undefined ? declared : limit;
}
