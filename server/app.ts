// The Express application: one declaration checks and documents each route, and every error becomes a
// problem document.
//
// docs/architecture.md says how to add a route. server/route.ts documents what a route declares.

import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { openBoundedCache } from '../data/files/bounded-cache.ts';
import { fail } from '../run/errors/errors.ts';
import { bodyLimitBytes, readBody, sizeBody } from './read-body.ts';
import { isProxy, type Proxies } from './connections.ts';
import { prefersCsv } from './routes/csv.ts';
import { type Guard, openGuard, openRateLimit } from './guard.ts';
import { knownError, sendProblem } from './problem.ts';
import { beginningOf, type Reply, type Route } from './route.ts';
import { allRoutes } from './routes.ts';
import type { AppState, ServerState } from './state.ts';
import { hasTag, send, sendText } from './send.ts';

export interface AppOptions {
  /** Host names to accept requests for; default: any. */
  hosts?: readonly string[];
  /** Requests per minute from one address; default: no limit. */
  requestsPerMinute?: number;
  /** Proxies whose X-Forwarded-For is trusted. */
  proxies?: Proxies;
  routes?: readonly Route[];
}

/** Creates the application, ready to listen or to be tested. */
export function createApp(
  state: AppState,
  { hosts, requestsPerMinute, proxies, routes = allRoutes }: AppOptions = {},
): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  // The routes read and check queries themselves.
  app.set('query parser', false);
  if (proxies !== undefined) app.set('trust proxy', (address: string) => isProxy(proxies, address));
  app.use(openGuard(hosts, new Set(routes.filter(({ linked }) => linked === true).map(({ path }) => path))));
  if (requestsPerMinute !== undefined) app.use(openRateLimit(requestsPerMinute));
  for (const route of routes) app[route.method](route.path, checkKey(route, state), serve(route, state));
  for (const path of new Set(routes.map((route) => route.path))) {
    const allowed = allowedMethods(routes, path);
    app.all(path, (request: Request) => {
      throw fail('METHOD_NOT_ALLOWED', { method: request.method, path: beginningOf(request.path), allowed });
    });
  }
  app.use((request: Request) => {
    throw fail('ROUTE_UNKNOWN', { method: request.method, path: beginningOf(request.path) });
  });
  app.use((error: unknown, request: Request, response: Response, next: NextFunction) => {
    const known = knownError(error, bodyLimitBytes);
    // Express aborts a response that has begun, so that no client takes it for complete.
    if (response.headersSent) next(known);
    else sendProblem(known, state.run, request, response);
  });
  return app;
}

/** Checks the key before a body is read, and counts every request, whatever its outcome. */
function checkKey({ method, path, access }: Route, { keys, metrics }: ServerState): Guard {
  const count = metrics.counter(`${method.toUpperCase()} ${path}`);
  return (request, response, next) => {
    const startedMs = performance.now();
    response.once('close', () => count(response.statusCode, performance.now() - startedMs));
    if (access !== 'open') {
      // Nothing on the way may store what needed a key.
      response.setHeader('Cache-Control', keys.needed() ? 'private, no-store' : 'no-cache');
      keys.check(request.headers.authorization, access);
    }
    next();
  };
}

function allowedMethods(routes: readonly Route[], path: string): string {
  const methods = routes.filter((route) => route.path === path).map(({ method }) => method.toUpperCase());
  return [...methods, ...(methods.includes('GET') ? ['HEAD'] : [])].join(', ');
}

/** Also a CSRF defense: pages of other sites can post only form types, which this refuses. */
function checkBodyType({ bodyTypes = [] }: Route, request: Request): void {
  const allowed = ['application/json', ...bodyTypes];
  if (typeof request.is(allowed) !== 'string')
    throw fail('BODY_KIND', {
      got: (request.get('content-type') ?? '').slice(0, 100),
      allowed: allowed.join(' or '),
    });
}

const noBody = new Uint8Array();

/** How many answered requests each route remembers, with the answer if it may be cached. */
const mostRemembered = 500;
const longestRemembered = 16_384;

function serve(route: Route, state: AppState): (request: Request, response: Response) => Promise<void> {
  const remembered = openBoundedCache<string, { etag: string; text: string | undefined }>(mostRemembered);
  const answerNow = async (
    request: Request,
    response: Response,
    bytes: Uint8Array<ArrayBuffer>,
  ): Promise<Reply> => {
    const { live, release } = state.live.lend();
    try {
      return await route.answer(request, response, { ...state, live }, bytes);
    } finally {
      release();
    }
  };
  const answerInTurn = async (
    request: Request,
    response: Response,
    bytes: Uint8Array<ArrayBuffer>,
  ): Promise<Reply> =>
    // A client that left while it waited gets no answer: a page cancels requests that are out of date.
    route.heavy === true
      ? state.gate.enter(async () => (response.destroyed ? 'sent' : answerNow(request, response, bytes)))
      : answerNow(request, response, bytes);
  const { body, bodyLimitBytes: limit = bodyLimitBytes } = route;
  const answer = async (request: Request, response: Response): Promise<Reply> => {
    if (body === undefined) return answerInTurn(request, response, noBody);
    checkBodyType(route, request);
    // The body counts against the limit while it may be in memory, that is until the answer.
    return state.bodies.enter(
      async () =>
        response.destroyed
          ? 'sent'
          : answerInTurn(request, response, await readBody(request, response, limit)),
      sizeBody(request, limit),
    );
  };
  const isTable = route.reply.types?.includes('text/csv') === true;
  /**
   * The tag of the ranking; another one for a CSV table that a header asks for, because the address is that
   * of the JSON.
   */
  const tagOf = (request: Request, response: Response): string => {
    const etag = state.live.etag();
    if (!isTable) return etag;
    response.vary('Accept');
    return prefersCsv(request) ? etag.replace(/"$/, '-csv"') : etag;
  };
  return async (request, response) => {
    response.statusCode = route.reply.status ?? 200;
    if (route.tagged !== true) {
      send(await answer(request, response), response);
      return;
    }
    const etag = tagOf(request, response);
    response.setHeader('ETag', etag);
    const isHeld = hasTag(request.headers['if-none-match'], etag);
    const known = remembered.get(request.originalUrl);
    if (known?.etag === etag) {
      if (isHeld) {
        response.status(304).end();
        return;
      }
      if (known.text !== undefined) {
        sendText(known.text, 'application/json', response);
        return;
      }
    }
    const reply = await answer(request, response);
    // The ranking may have changed during the answer; then its generation is unknown.
    const isOf = tagOf(request, response) === etag && reply !== 'sent';
    // Only now is it certain that the question has an answer, which the client may hold.
    if (isOf && isHeld) {
      remembered.set(request.originalUrl, { etag, text: undefined });
      response.status(304).end();
      return;
    }
    const text = send(reply, response);
    if (isOf)
      remembered.set(request.originalUrl, {
        etag,
        text:
          route.remembered === true && text !== undefined && text.length <= longestRemembered
            ? text
            : undefined,
      });
  };
}
