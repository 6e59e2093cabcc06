// The Express application: every route checked and documented by one declaration, every error a problem document.
//
// To add routes: write a file that exports a list, such as `export const documentRoutes: Route[] = [route({ method, path, … })]`
// (server/route.ts says what a route declares), and add the list to `allRoutes` in server/routes.ts. A handler is given what its
// schemas accepted and `state` (server/state.ts): `state.run`, and `state.live.current()`, the ranking to answer from, to be asked
// once a request so that all of an answer is of one generation. It returns a Reply and throws errors of the catalogue.

import express, { type Express, type NextFunction, type Request, type Response } from 'express';
import { fail } from '../data/errors.ts';
import { knownError, sendProblem } from './problem.ts';
import type { Reply, Route } from './route.ts';
import { allRoutes } from './routes.ts';
import type { ServerState } from './state.ts';

const bodyLimitBytes = 1 << 20;

/** The application, ready to listen or to be handed to a test. */
export function createApp(state: ServerState, routes: readonly Route[] = allRoutes): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  // Queries are read and checked by the routes themselves.
  app.set('query parser', false);
  for (const route of routes) app[route.method](route.path, ...readBody(route), serve(route, state));
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

function allowedMethods(routes: readonly Route[], path: string): string {
  const methods = routes.filter((route) => route.path === path).map(({ method }) => method.toUpperCase());
  return [...methods, ...(methods.includes('GET') ? ['HEAD'] : [])].join(', ');
}

type Handler = (request: Request, response: Response, next: NextFunction) => void;

/** The handlers that read a route's body, in one of the types that it takes. */
function readBody({ body, bodyTypes = [], bodyLimitBytes: limit = bodyLimitBytes }: Route): Handler[] {
  if (body === undefined) return [];
  const allowed = ['application/json', ...bodyTypes];
  const checkType: Handler = (request, _response, next) => {
    // Besides being what we can read, a type that is not a form's keeps other sites' pages from posting here.
    if (request.is(allowed) === false || request.is(allowed) === null) throw fail('BODY_KIND', { got: request.get('content-type') ?? '', allowed: allowed.join(' or ') });
    next();
  };
  const refuse: (error: unknown) => never = (error) => {
    throw knownError(error, limit);
  };
  const read = (parse: Handler): Handler => (request, response, next) => parse(request, response, (error?: unknown) => (error === undefined ? next() : refuse(error)));
  return [checkType, read(express.json({ limit })), ...(bodyTypes.length === 0 ? [] : [read(express.text({ limit, type: [...bodyTypes] }))])];
}

function serve(route: Route, state: ServerState): (request: Request, response: Response) => Promise<void> | void {
  return async (request, response) => {
    if (route.tagged === true) {
      const etag = state.live.etag();
      response.setHeader('ETag', etag);
      response.setHeader('Cache-Control', 'no-cache');
      if (hasTag(request.get('if-none-match'), etag)) {
        response.status(304).end();
        return;
      }
    }
    response.status(route.reply.status ?? 200);
    send(await route.answer(request, response, state), response);
  };
}

/** Whether a client that sent `If-None-Match` has the answer with this tag. (Express's `fresh` says no to what browsers' fetch sends.) */
function hasTag(known: string | undefined, etag: string): boolean {
  const opaque = (tag: string): string => tag.trim().replace(/^W\//, '');
  return known !== undefined && known.split(',').some((tag) => tag.trim() === '*' || opaque(tag) === opaque(etag));
}

function send(reply: Reply, response: Response): void {
  if (reply === 'sent') return;
  const { text, type } = 'json' in reply ? { text: JSON.stringify(reply.json), type: 'application/json' } : reply;
  response.writeHead(response.statusCode, { 'Content-Type': `${type}; charset=utf-8`, 'Content-Length': Buffer.byteLength(text) }).end(text);
}
