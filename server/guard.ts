// Checks that every request passes first: security headers, the site that the request comes from, and, on
// loopback, the host that it is for (against DNS rebinding).

import type { IncomingMessage } from 'node:http';
import { isIPv4 } from 'node:net';
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
 * `hosts`: the accepted host names; undefined for any. `pages`: the paths that other sites may link to.
 * Errors: HOST_REFUSED, SITE_REFUSED, HEADERS_TOO_LARGE.
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
 * Browsers report the site that a request comes from. Another site may link here and nothing more, even if
 * it could not read the answer.
 */
function checkSite({ method, path, headers: sent }: Request, pages: ReadonlySet<string>): void {
  const site = sent['sec-fetch-site'];
  if (site === undefined || site === 'same-origin' || site === 'none') return;
  const leadsHere =
    method === 'GET' &&
    sent['sec-fetch-mode'] === 'navigate' &&
    sent['sec-fetch-dest'] === 'document' &&
    pages.has(path);
  if (!leadsHere) throw fail('SITE_REFUSED', { got: site.slice(0, 100) });
}

export const mostHeaderBytes = 8_192;
/** The separator between name and value, and the line end. */
const bytesPerLine = 4;

/** Node.js does not count the separators, nor all of many lines. */
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

/** Whether only programs on this machine can reach an address. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'));
}

const windowMs = 60_000;

/** Limits the requests per minute from one address. Errors: TOO_MANY_REQUESTS. */
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
