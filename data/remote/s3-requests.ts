// Sends the requests of Amazon's client with `sendToPath`, so that S3 uses the same proxies and rules as
// everything else.

import { Readable } from 'node:stream';
import { sendToPath } from './http.ts';

/** The used parts of a client request; its path is escaped. */
interface ClientRequest {
  method: string;
  protocol: string;
  hostname: string;
  port?: number;
  path: string;
  query?: Record<string, string | string[] | null>;
  headers: Record<string, string>;
  body?: unknown;
}

const methods = ['GET', 'HEAD', 'PUT', 'POST', 'DELETE'] as const;

/** The client's `requestHandler`. */
export const s3Requests = {
  async handle(request: ClientRequest, { abortSignal }: { abortSignal?: unknown } = {}) {
    const { protocol, hostname, port, path, query = {}, headers, body } = request;
    const method = methods.find((name) => name === request.method);
    if (method === undefined) throw new TypeError(`the method ${request.method} is not supported`);
    if (body !== undefined && !isBody(body))
      throw new TypeError('the body is neither text, bytes, nor a stream');
    const origin = `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}`;
    const parameters = queryString(query);
    const response = await sendToPath(
      { origin, path: parameters === '' ? path : `${path}?${parameters}` },
      { method, headers, body, signal: abortSignal instanceof AbortSignal ? abortSignal : undefined },
    );
    return {
      response: {
        statusCode: response.status,
        reason: response.reason,
        headers: response.headers,
        body: response.body,
      },
    };
  },
  updateHttpClientConfig: () => undefined,
  httpHandlerConfigs: () => ({}),
};

function isBody(body: unknown): body is string | Uint8Array | Readable {
  return typeof body === 'string' || body instanceof Uint8Array || body instanceof Readable;
}

/** Escapes like the signature, which is stricter than URLSearchParams. */
function queryString(query: Record<string, string | string[] | null>): string {
  const escape = (text: string): string =>
    encodeURIComponent(text).replace(
      /[!'()*]/g,
      (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
    );
  const values = Object.entries(query).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((one) => [name, one] as const),
  );
  return values
    .map(([name, value]) => (value === null ? escape(name) : `${escape(name)}=${escape(value)}`))
    .join('&');
}
