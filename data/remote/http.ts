// All requests to web servers, stores, and endpoints go through here: with the proxies in HTTPS_PROXY,
// HTTP_PROXY, and NO_PROXY, which Node's fetch ignores, and with bodies as sent, which fetch would
// decompress. Connection failures become RemoteProblems; no message contains a proxy's password.

import { STATUS_CODES } from 'node:http';
import type { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { fail, reasonOf, systemCode } from '../../run/errors/errors.ts';
import { RemoteProblem } from './store.ts';

const maxRedirects = 20;

interface Network {
  fetch: typeof import('undici').fetch;
  /** Does not follow redirects. */
  direct: Dispatcher;
  /** Follows redirects. */
  following: Dispatcher;
}

let network: Promise<Network> | undefined;

/**
 * Opened at the first request, because most commands make none. Errors: OPTION_INVALID for an invalid proxy
 * address.
 */
async function openNetwork(): Promise<Network> {
  const proxies = { httpProxy: proxyOf('HTTP_PROXY'), httpsProxy: proxyOf('HTTPS_PROXY') };
  const { EnvHttpProxyAgent, fetch, interceptors } = await import('undici');
  // Proxies may refuse tunnels to port 80, so http requests are not tunneled.
  const direct = new EnvHttpProxyAgent({ ...proxies, proxyTunnel: false });
  return {
    fetch,
    direct,
    following: direct.compose(interceptors.redirect({ maxRedirections: maxRedirects })),
  };
}

/**
 * The proxy in an environment variable; '' if there is none. Lowercase names take precedence, as is common.
 */
function proxyOf(name: 'HTTP_PROXY' | 'HTTPS_PROXY'): string {
  const value = process.env[name.toLowerCase()] ?? process.env[name] ?? '';
  if (value === '') return '';
  const url = value.includes('://') ? value : `http://${value}`;
  if (!URL.canParse(url) || !/^https?:/i.test(url))
    throw fail('OPTION_INVALID', {
      option: name,
      got: withoutPassword(url),
      allowed: 'the address of an HTTP proxy, such as http://proxy.example.org:3128',
    });
  return url;
}

function withoutPassword(url: string): string {
  const [host, name] = [url.lastIndexOf('@') + 1, url.indexOf('//') + 2];
  return host > name ? url.slice(0, name) + url.slice(host) : url;
}

export interface HttpRequest {
  method: Dispatcher.HttpMethod;
  headers?: Record<string, string>;
  body?: Readable | Uint8Array | string | undefined;
  signal?: AbortSignal | undefined;
}

export interface HttpResponse {
  status: number;
  reason: string;
  headers: Record<string, string>;
  /** The bytes as sent, regardless of Content-Encoding. Must be read or dropped. */
  body: Readable;
  /**
   * Discards the body: reads the rest of a short one to reuse its connection, and closes the connection of a
   * long one.
   */
  drop(): void;
}

/**
 * Sends a request to a web server and follows redirects. Throws a RemoteProblem if there is no response; any
 * status is a response.
 */
export async function sendTo(url: string, request: HttpRequest): Promise<HttpResponse> {
  const { origin, pathname, search } = new URL(url);
  return dispatch((await open()).following, { origin, path: `${pathname}${search}` }, request);
}

/** Sends a request to a path that is used verbatim. Throws like `sendTo`. */
export async function sendToPath(
  to: { origin: string; path: string },
  request: HttpRequest,
): Promise<HttpResponse> {
  return dispatch((await open()).direct, to, request);
}

/**
 * The standard `fetch`, with proxies: decodes encoded bodies and follows redirects; those of a POST only at
 * the same origin, because its body was meant for that one. Throws a RemoteProblem if there is no response,
 * and the signal's reason if it was aborted.
 */
export async function fetch(
  url: string | URL,
  init: { method?: string; headers?: Record<string, string>; body?: string; signal?: AbortSignal } = {},
  redirects = 0,
): Promise<Response> {
  const { fetch: fetchBy, direct } = await open();
  const isPost = init.method === 'POST';
  const { body, status, statusText, headers } = await fetchBy(url, {
    ...init,
    ...(isPost ? { redirect: 'manual' } : {}),
    dispatcher: direct,
  }).catch((error: unknown) => {
    if (init.signal?.aborted === true) throw error;
    // The message of fetch is only "fetch failed".
    throw connectionProblem(error instanceof Error && error.cause !== undefined ? error.cause : error);
  });
  if (isPost && status >= 300 && status < 400) {
    await body?.cancel();
    return fetch(redirectOf(new URL(url), status, headers.get('location'), redirects), init, redirects + 1);
  }
  // Libraries expect the global Response class. Undici cancels the body of a garbage-collected response
  // unless it is already being read.
  return new Response(body?.pipeThrough(new TransformStream()) ?? null, {
    status,
    statusText,
    headers: [...headers],
  });
}

/** The target of a redirected POST at the same origin. Throws a RemoteProblem for any other. */
function redirectOf(from: URL, status: number, location: string | null, redirects: number): URL {
  const target = URL.canParse(location ?? '', from.href) ? new URL(location ?? '', from.href) : undefined;
  const refuse = (problem: string): RemoteProblem =>
    new RemoteProblem('lasting', `it answers with a redirect (HTTP ${status}) ${problem}`);
  if (target === undefined || location === null) throw refuse('without a valid address');
  if (target.origin !== from.origin)
    throw refuse(
      `to ${target.protocol}//${target.host}, which gets no text from here; if it should, set its ` +
        'address in the settings',
    );
  // Other redirects would drop the body.
  if (status !== 307 && status !== 308) throw refuse('that asks for no repetition of the request');
  if (redirects >= maxRedirects) throw refuse(`for the ${maxRedirects + 1}th time`);
  return target;
}

function open(): Promise<Network> {
  return (network ??= openNetwork());
}

async function dispatch(
  dispatcher: Dispatcher,
  to: { origin: string; path: string },
  { method, headers = {}, body, signal }: HttpRequest,
): Promise<HttpResponse> {
  try {
    const response = await dispatcher.request({
      ...to,
      method,
      headers: { ...headers, 'accept-encoding': 'identity' },
      body: body ?? null,
      signal,
    });
    const received: Record<string, string> = {};
    for (const [name, value] of Object.entries(response.headers))
      if (value !== undefined) received[name] = typeof value === 'string' ? value : value.join(', ');
    return {
      status: response.statusCode,
      reason: STATUS_CODES[response.statusCode] ?? '',
      headers: received,
      body: response.body,
      drop: () => void response.body.dump({ limit: 1 << 16 }).catch(() => undefined),
    };
  } catch (error) {
    throw connectionProblem(error);
  }
}

/** Why there was no response, and whether a retry may help. */
function connectionProblem(error: unknown): RemoteProblem {
  // If a host has several addresses, the combined error has no message, only a code.
  const reason = reasonOf(error) || systemCode(error);
  const [, proxyStatus] = /^Proxy response \((\d+)\)/.exec(reason) ?? [];
  if (proxyStatus === '407' || /^Proxy Authentication Required/.test(reason))
    return new RemoteProblem(
      'lasting',
      'the proxy requires a username and password (status 407): set them in HTTPS_PROXY or HTTP_PROXY as ' +
        'http://NAME:PASSWORD@HOST:PORT',
      { cause: error },
    );
  if (proxyStatus !== undefined)
    return new RemoteProblem(
      Number(proxyStatus) >= 500 || proxyStatus === '429' ? 'passing' : 'lasting',
      `the proxy in HTTPS_PROXY or HTTP_PROXY did not connect (status ${proxyStatus}); list hosts to ` +
        'reach without it in NO_PROXY',
      { cause: error },
    );
  if (reason.startsWith('Redirect loop detected'))
    return new RemoteProblem('lasting', 'its redirects form a loop', { cause: error });
  if (/CERT|SIGNATURE|ISSUER/.test(systemCode(error)))
    return new RemoteProblem(
      'lasting',
      `the server's certificate is not trusted (${reason}); set NODE_EXTRA_CA_CERTS to a file with more authorities`,
      { cause: error },
    );
  return new RemoteProblem('passing', reason, { cause: error });
}
