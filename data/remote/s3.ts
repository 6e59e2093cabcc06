// Files in an S3-compatible store, by Amazon's own client. Where to and as whom is what that client reads everywhere: AWS_ENDPOINT_URL_S3, AWS_REGION, AWS_PROFILE,
// AWS_ACCESS_KEY_ID and so on, and the files in ~/.aws. BETR_S3_UNSIGNED=1 reads public buckets without credentials.

import { DeleteObjectCommand, GetObjectCommand, HeadObjectCommand, ListObjectsV2Command, S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import picomatch from 'picomatch';
import { fail, reasonOf } from '../errors.ts';
import { retry } from './retry.ts';
import { problemOfStatus, type RemoteBody, type RemoteFile, RemoteProblem, type RemoteStore } from './store.ts';

export const s3Store: RemoteStore = { list, open, put, remove, findAny };

// The client's word about Node versions of its future is for us, not for users.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

let shared: S3Client | undefined;

function client(): S3Client {
  const { AWS_REGION, AWS_DEFAULT_REGION, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, BETR_S3_UNSIGNED } = process.env;
  const region = AWS_REGION ?? AWS_DEFAULT_REGION;
  const ownEndpoint = AWS_ENDPOINT_URL_S3 ?? AWS_ENDPOINT_URL;
  shared ??= new S3Client({
    ...(region === undefined && ownEndpoint !== undefined ? { region: 'us-east-1' } : {}),
    // Stores of one's own seldom have a name for each bucket.
    forcePathStyle: ownEndpoint !== undefined,
    followRegionRedirects: true,
    // Attempts are counted in one place, with the reading that goes on where it broke off.
    maxAttempts: 1,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
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
  if (bucket === undefined || key === undefined) throw fail('REMOTE_NOT_FOUND', { url, reason: 'an address is s3://BUCKET/KEY' });
  return { bucket, key };
}

async function list(pattern: string): Promise<RemoteFile[]> {
  const { bucket, key } = parseAddress(pattern);
  const { isGlob, base } = picomatch.scan(key);
  if (!isGlob) return [await retry(pattern, () => head(pattern))];
  const matches = picomatch(key);
  const files: RemoteFile[] = [];
  let token: string | undefined;
  do {
    const page = await retry(pattern, () => send(() => client().send(new ListObjectsV2Command({ Bucket: bucket, Prefix: base === '' ? '' : `${base}/`, ...(token === undefined ? {} : { ContinuationToken: token }) }))));
    for (const { Key, Size, LastModified } of page.Contents ?? []) {
      if (Key !== undefined && matches(Key)) files.push({ url: `s3://${bucket}/${Key}`, bytes: Size ?? 0, modifiedMs: LastModified?.getTime() ?? 0 });
    }
    token = page.NextContinuationToken;
  } while (token !== undefined);
  return files;
}

async function head(url: string): Promise<RemoteFile> {
  const { bucket, key } = parseAddress(url);
  const { ContentLength, LastModified } = await send(() => client().send(new HeadObjectCommand({ Bucket: bucket, Key: key })));
  return { url, bytes: ContentLength ?? 0, modifiedMs: LastModified?.getTime() ?? 0 };
}

async function open(url: string, start: number, end: number, etag: string | undefined, signal: AbortSignal): Promise<RemoteBody> {
  const { bucket, key } = parseAddress(url);
  const command = new GetObjectCommand({ Bucket: bucket, Key: key, Range: `bytes=${start}-${end - 1}`, ...(etag === undefined ? {} : { IfMatch: etag }) });
  const { Body, ETag } = await send(() => client().send(command, { abortSignal: signal }));
  if (!(Body instanceof Readable)) throw new RemoteProblem('passing', 'an answer without a body');
  return { etag: ETag, pieces: Body };
}

async function put(path: string, url: string): Promise<void> {
  const { bucket, key } = parseAddress(url);
  await retry(url, () => send(() => new Upload({ client: client(), params: { Bucket: bucket, Key: key, Body: createReadStream(path) } }).done()));
}

async function remove(url: string): Promise<void> {
  const { bucket, key } = parseAddress(url);
  await retry(url, () => send(() => client().send(new DeleteObjectCommand({ Bucket: bucket, Key: key }))));
}

async function findAny(folder: string): Promise<string | undefined> {
  const [, bucket = '', path = ''] = /^s3:\/\/([^/]+)(?:\/(.*))?$/i.exec(folder) ?? [];
  const prefix = path.replace(/^\/+/, '').replace(/(?<!\/)\/+$/, '');
  const page = await retry(folder, () => send(() => client().send(new ListObjectsV2Command({ Bucket: bucket, Prefix: prefix === '' ? '' : `${prefix}/`, MaxKeys: 1 }))));
  return page.Contents?.[0]?.Key;
}

async function send<T>(request: () => Promise<T>): Promise<T> {
  try {
    return await request();
  } catch (error) {
    if (error instanceof S3ServiceException) throw problemOfStatus(error.$metadata.httpStatusCode ?? 500, error.name);
    const name = error instanceof Error ? error.name : '';
    if (name === 'CredentialsProviderError') throw new RemoteProblem('denied', `there are no credentials: ${reasonOf(error)}`, { cause: error });
    throw new RemoteProblem(/region is missing/i.test(reasonOf(error)) ? 'lasting' : 'passing', reasonOf(error), { cause: error });
  }
}
