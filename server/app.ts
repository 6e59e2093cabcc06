// The Express application: every route checked and documented by one declaration, every error a problem
// document.
//
// To add routes: write a file that exports a list, such as `export const documentRoutes: Route[] = [route({
// method, path, … })]` (server/route.ts says what a route declares), and add the list to `allRoutes` in
// server/routes.ts. A handler is given what its schemas accepted and `state` (server/state.ts): `state.run`,
// and `state.live.current()`, the ranking to answer from, to be asked once a request so that all of an answer
// is of one generation. It returns a Reply and throws errors of the catalogue.

import { Readable } from 'node:stream';
import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { openBoundedCache } from '../data/files/bounded-cache.ts';
import { fail } from '../run/errors/errors.ts';
import { bodyLimitBytes, readBody, sizeBody } from './read-body.ts';
import { isProxy, type Proxies } from './connections.ts';
import { prefersCsv } from './routes/csv.ts';
import { type Guard, openGuard, openRateLimit } from './guard.ts';
import { knownError, sendProblem } from './problem.ts';
import type { Reply, Route } from './route.ts';
import { allRoutes } from './routes.ts';
import type { AppState, ServerState } from './state.ts';

export interface AppOptions {
  /** The names that requests may be for; left out: any. */
  hosts?: readonly string[];
  /** Requests a minute from one address; left out: as many as come. */
  requestsPerMinute?: number;
  /** Whose word counts for which address a request is from. */
  proxies?: Proxies;
  routes?: readonly Route[];
}

/** The application, ready to listen or to be handed to a test. */
export function createApp(
  state: AppState,
  { hosts, requestsPerMinute, proxies, routes = allRoutes }: AppOptions = {},
): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  // Queries are read and checked by the routes themselves.
  app.set('query parser', false);
  if (proxies !== undefined) app.set('trust proxy', (address: string) => isProxy(proxies, address));
  app.use(openGuard(hosts, new Set(routes.filter(({ linked }) => linked === true).map(({ path }) => path))));
  if (requestsPerMinute !== undefined) app.use(openRateLimit(requestsPerMinute));
  for (const route of routes) app[route.method](route.path, checkKey(route, state), serve(route, state));
  for (const path of new Set(routes.map((route) => route.path))) {
    const allowed = allowedMethods(routes, path);
    app.all(path, (request: Request) => {
      throw fail('METHOD_NOT_ALLOWED', { method: request.method, path: request.path, allowed });
    });
  }
  app.use((request: Request) => {
    throw fail('ROUTE_UNKNOWN', { method: request.method, path: request.path });
  });
  app.use((error: unknown, request: Request, response: Response, next: NextFunction) => {
    const known = knownError(error, bodyLimitBytes);
    // Express cuts off a response that has begun, so that nobody takes it for whole.
    if (response.headersSent) next(known);
    else sendProblem(known, state.run, request, response);
  });
  return app;
}

/**
 * Before a body is read, whoever sends it has to have the key; and what becomes of a request is counted,
 * whatever it is.
 */
function checkKey({ method, path, access }: Route, { keys, metrics }: ServerState): Guard {
  const count = metrics.counter(`${method.toUpperCase()} ${path}`);
  return (request, response, next) => {
    const startedMs = performance.now();
    response.once('close', () => count(response.statusCode, performance.now() - startedMs));
    if (access !== 'open') {
      // What a key was needed for is kept by nobody on the way.
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

/** Besides being what we can read, a type that is not a form's keeps other sites' pages from posting here. */
function checkBodyType({ bodyTypes = [] }: Route, request: Request): void {
  const allowed = ['application/json', ...bodyTypes];
  if (typeof request.is(allowed) !== 'string')
    throw fail('BODY_KIND', {
      got: (request.get('content-type') ?? '').slice(0, 100),
      allowed: allowed.join(' or '),
    });
}

const noBody = new Uint8Array();

/** As many questions of a route are remembered that had an answer, with the answer where that may be kept. */
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
    // Who has left while he waited is not worked for: a page gives up what its reader no longer asks for.
    route.heavy === true
      ? state.gate.enter(async () => (response.destroyed ? 'sent' : answerNow(request, response, bytes)))
      : answerNow(request, response, bytes);
  const { body, bodyLimitBytes: limit = bodyLimitBytes } = route;
  const answer = async (request: Request, response: Response): Promise<Reply> => {
    if (body === undefined) return answerInTurn(request, response, noBody);
    checkBodyType(route, request);
    // It counts as long as it may be in memory: until it is answered.
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
   * Names the ranking, and the table where one is asked for by a header: the address does not tell it from
   * JSON.
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
    // The ranking may have changed while this was answered; then it is not known of which it is.
    const isOf = tagOf(request, response) === etag && reply !== 'sent';
    // Only of a question that has an answer can a client have it.
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

/**
 * Whether a client that sent `If-None-Match` has the answer with this tag. (Express's `fresh` says no to what
 * browsers' fetch sends.)
 */
function hasTag(known: string | undefined, etag: string): boolean {
  const opaque = (tag: string): string => tag.trim().replace(/^W\//, '');
  return (
    known !== undefined && known.split(',').some((tag) => tag.trim() === '*' || opaque(tag) === opaque(etag))
  );
}

/** Sends a reply; returns the text of one in JSON. */
function send(reply: Reply, response: Response): string | undefined {
  if (reply === 'sent') return undefined;
  if ('json' in reply) {
    const text = JSON.stringify(reply.json);
    sendText(text, 'application/json', response);
    return text;
  }
  if ('pieces' in reply) {
    response.writeHead(response.statusCode, {
      'Content-Type': `${reply.type}; charset=utf-8`,
      'Content-Length': reply.pieces.reduce((bytes, piece) => bytes + Buffer.byteLength(piece), 0),
    });
    // One after the other, as fast as the client takes them.
    Readable.from(reply.pieces).pipe(response);
    return undefined;
  }
  sendText(reply.text, reply.type, response);
  return undefined;
}

function sendText(text: string, type: string, response: Response): void {
  response
    .writeHead(response.statusCode, {
      'Content-Type': `${type}; charset=utf-8`,
      'Content-Length': Buffer.byteLength(text),
    })
    .end(text);
}
