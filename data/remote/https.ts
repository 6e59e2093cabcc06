// Reads files on a web server with range requests.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { expandAddress } from './addresses.ts';
import {
  type ResponseHeaders,
  checkResponse,
  checkEncoding,
  lengthOf,
  isEmptyResponse,
} from './responses.ts';
import { type HttpResponse, type HttpRequest, sendTo } from './http.ts';
import { retry } from './retry.ts';
import {
  type FileRange,
  problemOfStatus,
  type RemoteBody,
  type RemoteFile,
  RemoteProblem,
  type RemoteStore,
} from './store.ts';

const maxConcurrentRequests = 16;
const describeMs = 60_000;

export const httpsStore: RemoteStore = { list, open, put, remove, findAny: () => Promise.resolve(undefined) };

async function list(pattern: string): Promise<RemoteFile[]> {
  const urls = expandAddress(pattern);
  const files: RemoteFile[] = [];
  for (let at = 0; at < urls.length; at += maxConcurrentRequests)
    files.push(
      ...(await Promise.all(
        urls.slice(at, at + maxConcurrentRequests).map((url) => retry(url, () => describe(url))),
      )),
    );
  return files;
}

/**
 * Describes a file by a request for its first byte, which is answered like the later reads. HEAD is only the
 * fallback, because signed addresses often do not allow it and its length may be that of another encoding.
 */
async function describe(url: string): Promise<RemoteFile> {
  const response = await request(
    url,
    { method: 'GET', headers: { range: 'bytes=0-0' }, signal: AbortSignal.timeout(describeMs) },
    [416],
  );
  response.drop();
  const said = readHeaders(response);
  if (response.status !== 416) checkEncoding(url, said.encoding);
  const bytes = lengthOf(said);
  if (bytes !== undefined) return { url, bytes, modifiedMs: modifiedMsOf(response) };
  const byHead = await describeByHead(url);
  // Some servers respond to HEAD with the length of an empty body.
  if (byHead !== undefined && (byHead.bytes === 0) === isEmptyResponse(said)) return byHead;
  throw new RemoteProblem(
    'lasting',
    `the server does not report the file's length (status ${response.status} ` +
      `without ${response.status === 200 ? 'Content-Length' : 'a length in Content-Range'})`,
  );
}

async function describeByHead(url: string): Promise<RemoteFile | undefined> {
  try {
    const response = await request(url, { method: 'HEAD', signal: AbortSignal.timeout(describeMs) });
    response.drop();
    const { length, encoding } = readHeaders(response);
    checkEncoding(url, encoding);
    return length === undefined ? undefined : { url, bytes: length, modifiedMs: modifiedMsOf(response) };
  } catch (error) {
    if (error instanceof RemoteProblem && (error.kind === 'denied' || error.kind === 'lasting'))
      return undefined;
    throw error;
  }
}

async function open(
  url: string,
  range: FileRange,
  etag: string | undefined,
  signal: AbortSignal,
): Promise<RemoteBody> {
  // If-Match works only with a strong ETag.
  const version = etag?.startsWith('"') === true ? { 'if-match': etag } : {};
  const response = await request(url, {
    method: 'GET',
    headers: { range: `bytes=${range.start}-${range.end - 1}`, ...version },
    signal,
  });
  try {
    const bytes = checkResponse(url, readHeaders(response), range);
    return {
      etag: response.headers['etag'] ?? response.headers['last-modified'],
      bytes,
      pieces: response.body,
    };
  } catch (error) {
    response.drop();
    throw error;
  }
}

async function put(path: string, url: string): Promise<void> {
  const { size } = await stat(path);
  await retry(url, () =>
    change(url, { method: 'PUT', headers: { 'content-length': String(size) }, body: createReadStream(path) }),
  );
}

async function remove(url: string): Promise<void> {
  await retry(url, () => change(url, { method: 'DELETE' }));
}

async function change(url: string, sent: HttpRequest): Promise<void> {
  (await request(url, sent)).drop();
}

/** Sends a request. Throws a RemoteProblem for a status other than 2xx or `expected`. */
async function request(
  url: string,
  sent: HttpRequest,
  expected: readonly number[] = [],
): Promise<HttpResponse> {
  const { username, password } = new URL(url);
  if (username !== '' || password !== '')
    throw new RemoteProblem('lasting', 'a username and password in an address are not supported');
  const response = await sendTo(url, sent);
  if ((response.status >= 200 && response.status < 300) || expected.includes(response.status))
    return response;
  response.drop();
  throw problemOfStatus(response.status, response.reason, response.headers['retry-after']);
}

function readHeaders({ status, headers }: HttpResponse): ResponseHeaders {
  const length = Number(headers['content-length'] ?? NaN);
  return {
    status,
    length: Number.isSafeInteger(length) && length >= 0 ? length : undefined,
    range: headers['content-range'],
    encoding: headers['content-encoding'],
  };
}

/**
 * When the file changed. If the server sends only an ETag, a number derived from it, so that another version
 * has another number; 0 if it sends neither.
 */
function modifiedMsOf({ headers }: HttpResponse): number {
  const ms = Date.parse(headers['last-modified'] ?? '');
  if (!Number.isNaN(ms)) return ms;
  const { etag } = headers;
  return etag === undefined ? 0 : createHash('sha256').update(etag).digest().readUIntBE(0, 6);
}
