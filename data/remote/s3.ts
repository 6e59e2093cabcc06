// Files in an S3-compatible store.

import {
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadObjectCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import picomatch from 'picomatch';
import {
  type ResponseHeaders,
  checkResponse,
  checkEncoding,
  lengthOf,
  isEmptyResponse,
} from './responses.ts';
import { retry } from './retry.ts';
import { client, parseAddress, send } from './s3-client.ts';
import { listObjects, type ListPage } from './s3-list.ts';
import {
  type FileRange,
  type RemoteBody,
  type RemoteFile,
  RemoteProblem,
  type RemoteStore,
} from './store.ts';

export const s3Store: RemoteStore = { list, open, put, remove, findAny };

async function list(pattern: string): Promise<RemoteFile[]> {
  const { bucket, key } = parseAddress(pattern);
  const { isGlob, base } = picomatch.scan(key);
  if (!isGlob) return [await retry(pattern, () => describe(pattern))];
  const matches = picomatch(key);
  const files: RemoteFile[] = [];
  for await (const { Key, Size, LastModified } of listObjects(pattern, (from) =>
    fetchPage(pattern, { Bucket: bucket, Prefix: base === '' ? '' : `${base}/`, ...from }),
  )) {
    if (Key === undefined || !matches(Key)) continue;
    const url = `s3://${bucket}/${Key}`;
    files.push(
      Size === undefined
        ? await retry(url, () => describe(url))
        : { url, bytes: Size, modifiedMs: LastModified?.getTime() ?? 0 },
    );
  }
  return files;
}

async function fetchPage(url: string, asked: ListObjectsV2CommandInput): Promise<ListPage> {
  return retry(url, async () => {
    const page = await send(() => client().send(new ListObjectsV2Command(asked)));
    // Otherwise an error with status 200, or a different server, would look like a complete, empty list.
    if (page.IsTruncated === undefined)
      throw new RemoteProblem('passing', 'the response is not a list of objects (no IsTruncated)');
    return page;
  });
}

/**
 * Describes a file by a request for its first byte, which is answered like the later reads. HEAD is the
 * fallback, for example for an empty file.
 */
async function describe(url: string): Promise<RemoteFile> {
  const { bucket, key } = parseAddress(url);
  const { modified, ...said } = await askFirstByte(bucket, key);
  checkEncoding(url, said.encoding);
  const bytes = lengthOf(said);
  if (bytes !== undefined) return { url, bytes, modifiedMs: modified?.getTime() ?? 0 };
  const { ContentLength, LastModified } = await send(() =>
    client().send(new HeadObjectCommand({ Bucket: bucket, Key: key })),
  );
  if (ContentLength === undefined || (ContentLength === 0) !== isEmptyResponse(said))
    throw new RemoteProblem('lasting', `the store does not report the file's length (status ${said.status})`);
  return { url, bytes: ContentLength, modifiedMs: LastModified?.getTime() ?? 0 };
}

async function askFirstByte(
  bucket: string,
  key: string,
): Promise<ResponseHeaders & { modified: Date | undefined }> {
  try {
    const { Body, LastModified, ...said } = await send(() =>
      client().send(new GetObjectCommand({ Bucket: bucket, Key: key, Range: 'bytes=0-0' })),
    );
    drop(Body, said.ContentLength);
    return { ...readHeaders(said), modified: LastModified };
  } catch (error) {
    if (!(error instanceof RemoteProblem && error.status === 416)) throw error;
    return { status: 416, length: undefined, range: undefined, encoding: undefined, modified: undefined };
  }
}

async function open(
  url: string,
  range: FileRange,
  etag: string | undefined,
  signal: AbortSignal,
): Promise<RemoteBody> {
  const { bucket, key } = parseAddress(url);
  const command = new GetObjectCommand({
    Bucket: bucket,
    Key: key,
    Range: `bytes=${range.start}-${range.end - 1}`,
    ...(etag === undefined ? {} : { IfMatch: etag }),
  });
  const { Body, ETag, ...said } = await send(() => client().send(command, { abortSignal: signal }));
  if (!(Body instanceof Readable)) throw new RemoteProblem('passing', 'the response has no body');
  try {
    return { etag: ETag, bytes: checkResponse(url, readHeaders(said), range), pieces: Body };
  } catch (error) {
    drop(Body);
    throw error;
  }
}

/** Discards a body: reads one of at most one byte to reuse its connection, and destroys any other. */
function drop(body: unknown, length?: number): void {
  if (!(body instanceof Readable)) return;
  body.on('error', () => undefined);
  if (length !== undefined && length <= 1) body.resume();
  else body.destroy();
}

function readHeaders({
  $metadata,
  ContentLength,
  ContentRange,
  ContentEncoding,
}: Omit<GetObjectCommandOutput, 'Body'>): ResponseHeaders {
  return {
    status: $metadata.httpStatusCode ?? 200,
    length: ContentLength,
    range: ContentRange,
    encoding: ContentEncoding,
  };
}

async function put(path: string, url: string): Promise<void> {
  const { bucket, key } = parseAddress(url);
  await retry(url, () =>
    send(() =>
      new Upload({
        client: client(),
        params: { Bucket: bucket, Key: key, Body: createReadStream(path) },
      }).done(),
    ),
  );
}

async function remove(url: string): Promise<void> {
  const { bucket, key } = parseAddress(url);
  await retry(url, () => send(() => client().send(new DeleteObjectCommand({ Bucket: bucket, Key: key }))));
}

async function findAny(folder: string): Promise<string | undefined> {
  const [, bucket = '', path = ''] = /^s3:\/\/([^/]+)(?:\/(.*))?$/i.exec(folder) ?? [];
  const prefix = path.replace(/^\/+/, '').replace(/(?<!\/)\/+$/, '');
  const page = await fetchPage(folder, {
    Bucket: bucket,
    Prefix: prefix === '' ? '' : `${prefix}/`,
    MaxKeys: 1,
  });
  return page.Contents?.[0]?.Key;
}
