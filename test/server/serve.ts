// A server for tests: a made-up ranking, a real socket on loopback, and asking it.

import type { Run } from '../../data/run.ts';
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
export async function withServer(use: (server: TestServer) => Promise<void>, rows: readonly Row[] = makeRows(600), options: Partial<ListenOptions> = {}): Promise<void> {
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

/** Asks a server and reads the whole answer. */
export async function ask(url: string, path: string, init?: RequestInit): Promise<Reply> {
  const response = await fetch(url + path, init);
  const text = await response.text();
  return { status: response.status, headers: response.headers, text, json: /json/.test(response.headers.get('content-type') ?? '') ? JSON.parse(text) : undefined };
}
