// A store of the S3 protocol on loopback; each test sets how it answers.

import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, expect, jest } from '@jest/globals';
import { pace } from '../../../data/remote/retry.ts';
import { forgetClient } from '../../../data/remote/s3-client.ts';
import { type Loopback, startLoopback } from './loopback.ts';

export interface FakeS3 {
  answer: (request: IncomingMessage, response: ServerResponse, parameters: URLSearchParams) => void;
  /** The requests of the current test. */
  readonly requests: IncomingMessage[];
}

/**
 * Starts the store before the file's tests and stops it after them. There is one for all tests, because the
 * client keeps its first endpoint.
 */
export function serveS3(): FakeS3 {
  let store: Loopback | undefined;
  const outer = { ...process.env };
  const s3: FakeS3 = {
    answer: (_, response) => void response.writeHead(500).end(),
    get requests() {
      return store?.requests ?? [];
    },
  };
  beforeAll(async () => {
    jest.replaceProperty(pace, 'firstWaitMs', 2);
    store = await startLoopback((request, response) =>
      s3.answer(request, response, new URL(request.url ?? '', 'http://store').searchParams),
    );
    Object.assign(process.env, {
      AWS_ENDPOINT_URL_S3: store.url,
      AWS_ACCESS_KEY_ID: 'name',
      AWS_SECRET_ACCESS_KEY: 'secret',
      AWS_REGION: 'us-east-1',
      AWS_EC2_METADATA_DISABLED: 'true',
    });
  });
  afterEach(() => void s3.requests.splice(0));
  afterAll(async () => {
    for (const name of Object.keys(process.env))
      if (name.startsWith('AWS_')) Reflect.deleteProperty(process.env, name);
    Object.assign(process.env, outer);
    forgetClient();
    await store?.close();
  });
  return s3;
}

export const line = Buffer.from('{"id":"x","text":"Low water at noon."}\n');

/** Matches the error for a store that fails in this way. */
export const refused = (reason: RegExp): unknown =>
  expect.objectContaining({ code: 'REMOTE_FAILED', message: expect.stringMatching(reason) });

export const sendXml = (response: ServerResponse, xml: string, status = 200): void =>
  void response.writeHead(status, { 'content-type': 'application/xml' }).end(`<?xml version="1.0"?>${xml}`);
