// Files in an S3-compatible store, through Amazon's client. Endpoint and credentials come from its usual
// environment variables (AWS_ENDPOINT_URL_S3, AWS_REGION, AWS_PROFILE, AWS_ACCESS_KEY_ID, and so on) and the
// files in ~/.aws. BETR_S3_UNSIGNED=1 reads public buckets without credentials.

import {
  DeleteObjectCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadObjectCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import picomatch from 'picomatch';
import { BetrError, fail, reasonOf } from '../../run/errors/errors.ts';
import {
  type ResponseHeaders,
  checkResponse,
  checkEncoding,
  lengthOf,
  isEmptyResponse,
} from './responses.ts';
import { retry } from './retry.ts';
import { listObjects, type ListPage } from './s3-list.ts';
import { s3Requests } from './s3-requests.ts';
import {
  type FileRange,
  problemOfStatus,
  type RemoteBody,
  type RemoteFile,
  RemoteProblem,
  type RemoteStore,
} from './store.ts';

export const s3Store: RemoteStore = { list, open, put, remove, findAny };

// The client's warning about future Node versions is for developers, not for users.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

let shared: S3Client | undefined;

function client(): S3Client {
  const { AWS_REGION, AWS_DEFAULT_REGION, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, BETR_S3_UNSIGNED } =
    process.env;
  const region = AWS_REGION ?? AWS_DEFAULT_REGION;
  const ownEndpoint = AWS_ENDPOINT_URL_S3 ?? AWS_ENDPOINT_URL;
  shared ??= new S3Client({
    ...(region === undefined && ownEndpoint !== undefined ? { region: 'us-east-1' } : {}),
    // Self-hosted stores rarely have a host name per bucket.
    forcePathStyle: ownEndpoint !== undefined,
    followRegionRedirects: true,
    // Retries are counted in one place, together with resumed reads.
    maxAttempts: 1,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: s3Requests,
    expectContinueHeader: false,
    ...(BETR_S3_UNSIGNED === '1' ? { signer: { sign: (request) => Promise.resolve(request) } } : {}),
  });
  return shared;
}

interface Address {
  bucket: string;
  key: string;
}

function parseAddress(url: string): Address {
  const [, bucket, key] = /^s3:\/\/([^/]+)\/(.+)$/i.exec(url) ?? [];
  if (bucket === undefined || key === undefined)
    throw fail('REMOTE_NOT_FOUND', { url, reason: 'an address has the form s3://BUCKET/KEY' });
  return { bucket, key };
}

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

async function send<T>(request: () => Promise<T>): Promise<T> {
  try {
    return await request();
  } catch (error) {
    if (error instanceof RemoteProblem || error instanceof BetrError) throw error;
    if (error instanceof S3ServiceException)
      throw problemOfStatus(error.$metadata.httpStatusCode ?? 500, error.name);
    const name = error instanceof Error ? error.name : '';
    if (name === 'CredentialsProviderError')
      throw new RemoteProblem('denied', `there are no credentials: ${reasonOf(error)}`, { cause: error });
    throw new RemoteProblem(
      /region is missing/i.test(reasonOf(error)) ? 'lasting' : 'passing',
      reasonOf(error),
      { cause: error },
    );
  }
}
