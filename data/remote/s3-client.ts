// Amazon's S3 client. Endpoint and credentials come from its usual environment variables
// (AWS_ENDPOINT_URL_S3, AWS_REGION, AWS_PROFILE, AWS_ACCESS_KEY_ID, and so on) and the files in ~/.aws.
// BETR_S3_UNSIGNED=1 reads public buckets without credentials.

import { S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import { BetrError, fail, reasonOf } from '../../run/errors/errors.ts';
import { s3Requests } from './s3-requests.ts';
import { problemOfStatus, RemoteProblem } from './store.ts';

// The client's warning about future Node versions is for developers, not for users.
process.env['AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED'] ??= 'true';

let shared: S3Client | undefined;

/** The client, made at the first request. */
export function client(): S3Client {
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

/** Makes the next request use the environment as it is then. */
export function forgetClient(): void {
  shared = undefined;
}

interface Address {
  bucket: string;
  key: string;
}

/** Splits s3://BUCKET/KEY. Errors: REMOTE_NOT_FOUND. */
export function parseAddress(url: string): Address {
  const [, bucket, key] = /^s3:\/\/([^/]+)\/(.+)$/i.exec(url) ?? [];
  if (bucket === undefined || key === undefined)
    throw fail('REMOTE_NOT_FOUND', { url, reason: 'an address has the form s3://BUCKET/KEY' });
  return { bucket, key };
}

/** Sends a request; throws its failure as a RemoteProblem. */
export async function send<T>(request: () => Promise<T>): Promise<T> {
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
