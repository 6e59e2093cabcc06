// What every request passes first: headers that keep browsers to themselves, and, on loopback, the host that it was meant for (a page
// elsewhere that makes its name point here must not be answered).

import type { IncomingMessage } from 'node:http';
import type { NextFunction, Request, Response } from 'express';
import { rateLimit, type RateLimitRequestHandler } from 'express-rate-limit';
import { fail } from '../data/errors.ts';

const headers = new Map([
  ['Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'"],
  ['X-Content-Type-Options', 'nosniff'],
  ['Referrer-Policy', 'no-referrer'],
  ['Cross-Origin-Resource-Policy', 'same-origin'],
  ['Cross-Origin-Opener-Policy', 'same-origin'],
]);

export type Guard = (request: Request, response: Response, next: NextFunction) => void;

/** `hosts`: the names that requests may be for; undefined for any. */
export function openGuard(hosts: readonly string[] | undefined): Guard {
  return (request, response, next) => {
    response.setHeaders(headers);
    if (hosts !== undefined) checkHost(request, hosts);
    next();
  };
}

function checkHost({ headers: { host = '' } }: IncomingMessage, hosts: readonly string[]): void {
  const name = host.replace(/:\d*$/, '').toLowerCase();
  if (!hosts.includes(name)) throw fail('HOST_REFUSED', { got: host.slice(0, 100), allowed: hosts.join(', ') });
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
