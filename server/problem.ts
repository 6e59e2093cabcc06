// Errors over HTTP: problem documents (RFC 9457) from the catalog. A bug is logged with its stack, which
// clients do not get.

import type { Request, Response } from 'express';
import { z } from 'zod';
import { BetrError, fail, knownError as inCatalog } from '../run/errors/errors.ts';
import type { Run } from '../run/run.ts';
import { describeError, hidePathsIn } from '../data/files/hide-paths.ts';

export const problemSchema = z.strictObject({
  /** The page that explains the code. */
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  /** The code in the catalog. */
  code: z.string(),
  /** What is wrong and what to do. */
  detail: z.string(),
  /** The values in the detail. */
  values: z.record(z.string(), z.unknown()),
});
export type Problem = z.output<typeof problemSchema>;

/**
 * Turns anything thrown while answering into an error of the catalog; `limitBytes` is the route's limit
 * for bodies.
 */
export function knownError(error: unknown, limitBytes: number): BetrError {
  if (error instanceof BetrError) return error;
  // Errors of Express and its body parser.
  const { type, status } = httpError.safeParse(error).data ?? {};
  if (type === 'entity.too.large') return fail('BODY_TOO_LARGE', { limitBytes }, error);
  if (type === 'entity.parse.failed') return fail('BODY_INVALID', { problems: ['it is not JSON'] }, error);
  if (error instanceof URIError)
    return fail('OPTION_INVALID', { option: 'the path', got: '%', allowed: 'percent-encoded UTF-8' }, error);
  if (status !== undefined && status >= 400 && status < 500)
    return fail('BODY_INVALID', { problems: [type ?? 'it cannot be read'] }, error);
  return inCatalog(error);
}

const httpError = z.object({ type: z.string().optional(), status: z.number().optional() });

/** The problem document of an error, without the paths of this machine. */
export function problemOf(error: BetrError, run: Run): Problem {
  const { code, status } = error;
  const title = code.slice(0, 1) + code.slice(1).toLowerCase().replaceAll('_', ' ');
  const hidden = code === 'INTERNAL';
  return {
    type: `/docs#${code}`,
    title,
    status,
    code,
    detail: describeError(error, run),
    values: hidden
      ? {}
      : Object.fromEntries(
          Object.entries(error.values).map(([key, value]) => [key, hidePathsIn(run, value)]),
        ),
  };
}

/** Sends an error as the response. */
export function sendProblem(error: BetrError, run: Run, request: Request, response: Response): void {
  if (error.code === 'INTERNAL')
    process.stderr.write(`betr: ${request.method} ${request.path}: ${error.message}\n`);
  const { seconds, allowed } = error.values;
  if (typeof seconds === 'number') response.setHeader('Retry-After', String(seconds));
  if (error.code === 'METHOD_NOT_ALLOWED' && typeof allowed === 'string')
    response.setHeader('Allow', allowed);
  if (error.code === 'KEY_MISSING') response.setHeader('WWW-Authenticate', 'Bearer');
  response.removeHeader('ETag');
  response.setHeader('Cache-Control', 'private, no-store');
  response
    .status(error.status)
    .type('application/problem+json')
    .send(JSON.stringify(problemOf(error, run)));
}
