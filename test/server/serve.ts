// A server for tests: a made-up ranking, a real socket on loopback, and asking it.

import { afterAll, beforeAll } from '@jest/globals';
import type { Run } from '../../run/run.ts';
import { type ListenOptions, serveRun } from '../../server/listen.ts';
import { makeRows, rankRows, type Row, withRun } from '../ranking/synthetic.ts';

export interface Reply {
  status: number;
  headers: Headers;
  text: string;
  /** The body as JSON; undefined where it is none. */
  json: unknown;
}

export interface TestServer {
  run: Run;
  url: string;
  rows: readonly Row[];
  ask: (path: string, init?: RequestInit) => Promise<Reply>;
}

/** Serves a ranking of the rows (none: a run without one) while `use` runs. */
export async function withServer(
  use: (server: TestServer) => Promise<void>,
  rows: readonly Row[] = makeRows(600),
  options: Partial<ListenOptions> = {},
): Promise<void> {
  await withRun(async (run) => {
    if (rows.length > 0) await rankRows(run, rows);
    const server = await serveRun(run, { host: '127.0.0.1', port: 0, ...options });
    try {
      await use({ run, url: server.url, rows, ask: (path, init) => ask(server.url, path, init) });
    } finally {
      await server.stop(0);
    }
  });
}

/** A server for all the tests of a file; call it at the top, and what it returns within the tests. */
export function shareServer(rows?: readonly Row[], options?: Partial<ListenOptions>): () => TestServer {
  let server: TestServer | undefined;
  let done = Promise.resolve();
  let finish = (): void => undefined;
  beforeAll(async () => {
    await new Promise<void>((started, failed) => {
      done = withServer(
        async (own) => {
          server = own;
          started();
          await new Promise<void>((resolve) => (finish = resolve));
        },
        rows,
        options,
      );
      done.catch(failed);
    });
  });
  afterAll(async () => {
    finish();
    await done;
  });
  return () => {
    if (server === undefined) throw new Error('The server is not there yet');
    return server;
  };
}

/** Asks a server and reads the whole answer. */
export async function ask(url: string, path: string, init?: RequestInit): Promise<Reply> {
  const response = await fetch(url + path, init);
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    text,
    json: /json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : undefined,
  };
}
