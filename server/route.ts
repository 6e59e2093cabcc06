// A route: one declaration that checks requests and documents itself. Undeclared input is refused.

import type { Request, Response } from 'express';
import { z } from 'zod';
import { BetrError, fail } from '../run/errors/errors.ts';
import { allowedBy, valueInside } from '../run/issues.ts';
import { parseBody } from '../run/body.ts';
import { bodyLimitBytes } from './read-body.ts';
import type { ServerState } from './state.ts';

/**
 * The reply to a request: a value as JSON, a text of some type, the pieces of a long text, or 'sent' if the
 * handler has written the response itself.
 */
export type Reply =
  { json: unknown } | { text: string; type: string } | { pieces: string[]; type: string } | 'sent';

export interface Asked<P, Q, B> {
  params: P;
  query: Q;
  body: B;
  /** The unparsed body of a route with `threadBody`. */
  bytes: Uint8Array<ArrayBuffer>;
  state: ServerState;
  request: Request;
  response: Response;
}

interface RouteShape<P, Q, B> {
  method: 'get' | 'post' | 'delete';
  /** In Express's notation: /documents/:shard/:row */
  path: string;
  summary: string;
  /** open: everybody. read, jobs: a key of that kind, if the server has keys. */
  access: 'open' | 'read' | 'jobs';
  /**
   * Strict objects of strings; transforms turn these into values and may throw errors of the catalog.
   * Default: none.
   */
  params?: z.ZodType<P>;
  query?: z.ZodType<Q>;
  /** The schema of the parsed JSON. */
  body?: z.ZodType<B>;
  /** The schema of a body that may be large and goes to a thread unparsed (`bytes`). */
  threadBody?: z.ZodType;
  /** Body types besides JSON, for a thread. */
  bodyTypes?: readonly string[];
  bodyLimitBytes?: number;
  /** The success response: status (default 200), description, and schema or types. */
  reply: { status?: number; description: string; schema?: z.ZodType; types?: readonly string[] };
  /**
   * The answer depends only on the ranking's generation and the request: it gets an ETag, and clients that
   * hold it get 304.
   */
  tagged?: boolean;
  /** Answers of a tagged route are cached in memory, by address, while the tag is valid. */
  remembered?: boolean;
  /** Other sites may link to it. */
  linked?: boolean;
  /**
   * It reads the disk or uses much CPU time: only a few such requests run at a time, and the others
   * queue.
   */
  heavy?: boolean;
  answer: (asked: Asked<P, Q, B>) => Reply | Promise<Reply>;
}

/** A route ready to be served, with its schemas exposed for the documentation. */
export interface Route extends Omit<RouteShape<never, never, never>, 'params' | 'query' | 'body' | 'answer'> {
  params: z.ZodType;
  query: z.ZodType;
  body: z.ZodType | undefined;
  answer: (
    request: Request,
    response: Response,
    state: ServerState,
    bytes: Uint8Array<ArrayBuffer>,
  ) => Reply | Promise<Reply>;
}

const nothing = z.strictObject({});

/**
 * Declares a route. Throws if a body that is too large to parse between two requests does not go to a
 * thread.
 */
export function route<P = unknown, Q = unknown, B = unknown>(shape: RouteShape<P, Q, B>): Route {
  const { params, query, body, threadBody, answer, ...rest } = shape;
  if (body !== undefined && (rest.bodyLimitBytes ?? 0) > bodyLimitBytes)
    throw new Error(`${rest.path} takes a body that must be parsed in a thread (threadBody)`);
  return {
    ...rest,
    params: params ?? nothing,
    query: query ?? nothing,
    body: body ?? threadBody,
    answer(request, response, state, bytes) {
      return answer({
        params: check(params, request.params),
        query: check(query, readQuery(request.originalUrl)),
        body: checkBody(body, bytes),
        bytes,
        state,
        request,
        response,
      });
    },
  };
}

/** Without a schema only empty input passes; the type parameter is then `unknown`, which nothing reads. */
function check<T>(schema: z.ZodType<T> | undefined, value: unknown): T;
function check(schema: z.ZodType | undefined, value: unknown): unknown {
  const result = (schema ?? nothing).safeParse(value, { error: allowedBy });
  if (result.success) return result.data;
  throw parameterProblem(result.error.issues, value);
}

function checkBody<T>(schema: z.ZodType<T> | undefined, bytes: Uint8Array): T;
function checkBody(schema: z.ZodType | undefined, bytes: Uint8Array): unknown {
  return schema === undefined ? undefined : parseBody(schema, bytes);
}

const shownCharacters = 200;
const shownRepeats = 10;

/** As much of an input as a message repeats. */
export function beginningOf(text: string): string {
  return text.slice(0, shownCharacters);
}

/** The query of a URL as an object. Errors: PARAMETER_REPEATED. */
export function readQuery(url: string): Record<string, string> {
  const start = url.indexOf('?');
  const query: Record<string, string> = {};
  if (start < 0) return query;
  const given = new URLSearchParams(url.slice(start));
  for (const [name, value] of given) {
    if (Object.hasOwn(query, name))
      throw fail('PARAMETER_REPEATED', {
        parameter: beginningOf(name),
        got: given.getAll(name).slice(0, shownRepeats).map(beginningOf),
      });
    // A name such as "__proto__" must be an ordinary unknown parameter.
    Object.defineProperty(query, name, { value, enumerable: true, configurable: true, writable: true });
  }
  return query;
}

function parameterProblem(issues: readonly z.core.$ZodIssue[], value: unknown): BetrError {
  // An unknown parameter first: it may be a missing one, misspelled.
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0];
  const allowed = issue?.message ?? '';
  if (issue?.code === 'unrecognized_keys')
    return fail('PARAMETER_UNKNOWN', { parameter: beginningOf(issue.keys[0] ?? ''), known: allowed });
  const parameter = String(issue?.path[0] ?? '');
  const got = valueInside(value, [parameter]);
  if (got === undefined && parameter !== '') return fail('PARAMETER_MISSING', { parameter, allowed });
  return fail('OPTION_INVALID', {
    option: parameter,
    got: typeof got === 'string' ? beginningOf(got) : '',
    allowed,
  });
}
