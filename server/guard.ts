// What every request passes first: headers that keep browsers to themselves; the site that it comes from;
// and, on loopback, the host that it was meant for (a page elsewhere that makes its name point here must not
// be answered).

import type { IncomingMessage } from 'node:http';
import type { NextFunction, Request, Response } from 'express';
import { rateLimit, type RateLimitRequestHandler } from 'express-rate-limit';
import { fail } from '../run/errors/errors.ts';

const headers = new Map([
  ['Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'"],
  ['X-Content-Type-Options', 'nosniff'],
  ['Referrer-Policy', 'no-referrer'],
  ['Cross-Origin-Resource-Policy', 'same-origin'],
  ['Cross-Origin-Opener-Policy', 'same-origin'],
]);

export type Guard = (request: Request, response: Response, next: NextFunction) => void;

/**
 * `hosts`: the names that requests may be for; undefined for any. `pages`: the paths that other sites may
 * link to. Errors: HOST_REFUSED, SITE_REFUSED, HEADERS_TOO_LARGE.
 */
export function openGuard(hosts: readonly string[] | undefined, pages: ReadonlySet<string>): Guard {
  return (request, response, next) => {
    response.setHeaders(headers);
    if (hosts !== undefined) checkHost(request, hosts);
    checkSite(request, pages);
    checkHeaderLines(request);
    next();
  };
}

/**
 * Browsers say where a request comes from. A page of another site may lead its reader here, and do no more,
 * even where it could not read the answer.
 */
function checkSite({ method, path, headers: asked }: Request, pages: ReadonlySet<string>): void {
  const site = asked['sec-fetch-site'];
  if (site === undefined || site === 'same-origin' || site === 'none') return;
  const leadsHere =
    method === 'GET' &&
    asked['sec-fetch-mode'] === 'navigate' &&
    asked['sec-fetch-dest'] === 'document' &&
    pages.has(path);
  if (!leadsHere) throw fail('SITE_REFUSED', { got: site.slice(0, 100) });
}

export const mostHeaderBytes = 8_192;
/** Between a name and its value, and behind it. */
const bytesPerLine = 4;

/** Node counts neither the signs between names and values nor, of many lines, all of them. */
function checkHeaderLines({ rawHeaders, originalUrl }: Request): void {
  let bytes = originalUrl.length + (rawHeaders.length / 2) * bytesPerLine;
  for (const text of rawHeaders) bytes += text.length;
  if (bytes > mostHeaderBytes) throw fail('HEADERS_TOO_LARGE', { bytes, most: mostHeaderBytes });
}

function checkHost({ headers: { host = '' } }: IncomingMessage, hosts: readonly string[]): void {
  const name = host.replace(/:\d*$/, '').toLowerCase();
  if (!hosts.includes(name))
    throw fail('HOST_REFUSED', { got: host.slice(0, 100), allowed: hosts.join(', ') });
}

export const loopbackHosts = ['localhost', '127.0.0.1', '[::1]'];

/** Whether only programs of this machine can reach an address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

const windowMs = 60_000;

/** At most so many requests a minute from one address. Errors: TOO_MANY_REQUESTS. */
export function openRateLimit(perMinute: number): RateLimitRequestHandler {
  return rateLimit({
    windowMs,
    limit: perMinute,
    standardHeaders: 'draft-7',
    legacyHeaders: false,
    handler: () => {
      throw fail('TOO_MANY_REQUESTS', { perMinute, seconds: windowMs / 1000 });
    },
  });
}
