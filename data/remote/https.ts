// Files on a web server, read by ranges. A pattern can only count and list, as {00..15} or {train,test}: servers do not say which files they have.

import braces from 'braces';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { fail, reasonOf } from '../errors.ts';
import { retry } from './retry.ts';
import { problemOfStatus, type RemoteBody, type RemoteFile, RemoteProblem, type RemoteStore, showPath } from './store.ts';

const patternsAtMost = 100_000;
const headsAtOnce = 16;
const headMs = 60_000;

export const httpsStore: RemoteStore = { list, open, put, remove, findAny: () => Promise.resolve(undefined) };

async function list(pattern: string): Promise<RemoteFile[]> {
  const urls = expandAddress(pattern);
  const files: RemoteFile[] = [];
  for (let at = 0; at < urls.length; at += headsAtOnce) files.push(...(await Promise.all(urls.slice(at, at + headsAtOnce).map((url) => retry(url, () => head(url))))));
  return files;
}

/** The addresses that a pattern counts or lists. Errors: NO_FILES. */
export function expandAddress(pattern: string): string[] {
  if (!pattern.includes('{')) return [pattern];
  try {
    return braces(pattern, { expand: true, rangeLimit: patternsAtMost });
  } catch (error) {
    throw fail('NO_FILES', { what: `the pattern (${reasonOf(error)})`, patterns: showPath(pattern) }, error);
  }
}

async function head(url: string): Promise<RemoteFile> {
  const response = await request(url, { method: 'HEAD', signal: AbortSignal.timeout(headMs) });
  const bytes = Number(response.headers.get('content-length') ?? NaN);
  if (!Number.isInteger(bytes)) throw new RemoteProblem('lasting', 'the server does not say how long the file is (no Content-Length)');
  const modifiedMs = Date.parse(response.headers.get('last-modified') ?? '');
  return { url, bytes, modifiedMs: Number.isNaN(modifiedMs) ? 0 : modifiedMs };
}

async function open(url: string, start: number, end: number, etag: string | undefined, signal: AbortSignal): Promise<RemoteBody> {
  const version = etag === undefined || etag.startsWith('W/') ? {} : { 'if-match': etag };
  const response = await request(url, { headers: { range: `bytes=${start}-${end - 1}`, 'accept-encoding': 'identity', ...version }, signal });
  if (response.status !== 206 && start > 0) throw new RemoteProblem('lasting', `the server does not give ranges (status ${response.status} for bytes ${start}-${end - 1})`);
  if (response.body === null) throw new RemoteProblem('passing', 'an answer without a body');
  return { etag: response.headers.get('etag') ?? response.headers.get('last-modified') ?? undefined, pieces: response.body };
}

async function put(path: string, url: string): Promise<void> {
  const { size } = await stat(path);
  await retry(url, async () => {
    await request(url, { method: 'PUT', headers: { 'content-length': String(size) }, body: Readable.toWeb(createReadStream(path)), duplex: 'half' });
  });
}

async function remove(url: string): Promise<void> {
  await retry(url, () => request(url, { method: 'DELETE' }));
}

async function request(url: string, init: RequestInit): Promise<Response> {
  let response: Response;
  const { username, password } = new URL(url);
  if (username !== '' || password !== '') throw new RemoteProblem('lasting', 'a name and a password in an address are not sent');
  try {
    response = await fetch(url, init);
  } catch (error) {
    // What fetch says itself is only "fetch failed".
    const reason = error instanceof Error && error.cause !== undefined ? reasonOf(error.cause) : reasonOf(error);
    throw new RemoteProblem('passing', reason, { cause: error });
  }
  if (response.ok) return response;
  await response.body?.cancel();
  throw problemOfStatus(response.status, response.statusText, response.headers.get('retry-after'));
}
