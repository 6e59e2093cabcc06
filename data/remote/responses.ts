// Checks a server's responses for consistency: the first reported length, the range and total of each
// response, and the received bytes. A file that was read only in part looks complete to every later step, so
// a mismatch is an error.

import { type FileRange, RemoteProblem } from './store.ts';
import { showPath } from '../../run/address.ts';

/** The headers that describe the body of a response. */
export interface ResponseHeaders {
  status: number;
  length: number | undefined;
  range: string | undefined;
  encoding: string | undefined;
}

/**
 * Checks the response to a range request and returns the expected length of its body. Throws a RemoteProblem.
 */
export function checkResponse(
  url: string,
  response: ResponseHeaders,
  { start, end, fileBytes }: FileRange,
): number {
  checkEncoding(url, response.encoding);
  if (response.status !== 206) {
    if (start > 0)
      throw new RemoteProblem(
        'lasting',
        `the server does not support range requests (status ${response.status} for bytes ${start}-${end - 1})`,
      );
    if (response.length !== undefined && response.length !== fileBytes)
      throw new RemoteProblem('lasting', twoLengths(fileBytes, response.length));
    return fileBytes;
  }
  const range = parseRange(response.range);
  if (range === undefined)
    throw new RemoteProblem(
      'lasting',
      `the server does not say which part of the file it sends (Content-Range: ${response.range ?? 'none'})`,
    );
  if (range.total !== fileBytes) throw new RemoteProblem('lasting', twoLengths(fileBytes, range.total));
  const bytes = range.last - range.first + 1;
  if (range.first !== start || range.last >= end || bytes < 1)
    throw new RemoteProblem(
      'lasting',
      `the server sent bytes ${range.first}-${range.last} instead of bytes ${start}-${end - 1}`,
    );
  if (response.length !== undefined && response.length !== bytes)
    throw new RemoteProblem(
      'lasting',
      `the server sent ${response.length} bytes as bytes ${range.first}-${range.last}`,
    );
  return bytes;
}

function twoLengths(first: number, now: number): string {
  return (
    `the server first reported a length of ${first} bytes and now reports ${now} bytes; the file may ` +
    'still be growing'
  );
}

/**
 * The file's length from the response to a request for its first byte; undefined if the response lacks it.
 */
export function lengthOf({ status, length, range }: ResponseHeaders): number | undefined {
  return status === 206 ? parseRange(range)?.total : status === 416 ? undefined : length;
}

/** Whether the response to a request for the first byte says that the file is empty. */
export function isEmptyResponse({ status, length }: ResponseHeaders): boolean {
  return status === 416 || length === 0;
}

function parseRange(header = ''): { first: number; last: number; total: number } | undefined {
  const [, first, last, total] = (/^bytes (\d+)-(\d+)\/(\d+)$/i.exec(header.trim()) ?? []).map(Number);
  return first === undefined || last === undefined || total === undefined
    ? undefined
    : { first, last, total };
}

/** Values that mean no encoding: identity, S3's chunked uploads, and character sets in the wrong header. */
const noEncodings = ['', 'identity', 'aws-chunked', 'utf-8', 'utf8', 'binary', 'none'];
/**
 * Encodings that match a file's ending: the bytes are compressed once, and the reader of the format
 * decompresses them.
 */
const endings: Record<string, RegExp> = { gzip: /\.gz$/i, 'x-gzip': /\.gz$/i, zstd: /\.zstd?$/i };

/**
 * Rejects an encoding that does not match the file's ending: neither ranges nor length would be those of the
 * file. Throws a RemoteProblem.
 */
export function checkEncoding(url: string, header = ''): void {
  const [encoding, ...others] = header
    .toLowerCase()
    .split(',')
    .map((name) => name.trim())
    .filter((name) => !noEncodings.includes(name));
  if (encoding === undefined) return;
  const ending = endings[encoding];
  if (others.length === 0 && ending?.test(showPath(url)) === true) return;
  throw new RemoteProblem(
    'lasting',
    `the server sent it with "Content-Encoding: ${header}", which was not requested. Store it without ` +
      'this header and, if it is compressed, under a matching name, such as .jsonl.gz or .jsonl.zst',
  );
}
