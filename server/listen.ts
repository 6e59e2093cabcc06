// Listening: the application on a port, with time-outs against slow clients, and a stop that lets what is under way finish.

import { createServer, type Server } from 'node:http';
import { fail, reasonOf } from '../data/errors.ts';
import type { Run } from '../data/run.ts';
import { createApp } from './app.ts';
import { openJobs } from './jobs.ts';
import { openLive } from './live.ts';
import { openTexts } from './texts.ts';

export interface ListenOptions {
  host: string;
  /** 0: any free one. */
  port: number;
}

export interface Listening {
  url: string;
  /** Takes no new connections, lets requests finish for at most `graceMs`, and closes everything. */
  stop(graceMs?: number): Promise<void>;
}

const drainMs = 8_000;

/** Serves a run. Errors: ADDRESS_IN_USE. */
export async function serveRun(run: Run, { host, port }: ListenOptions): Promise<Listening> {
  const live = await openLive(run);
  const texts = openTexts(run);
  const jobs = await openJobs(run);
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 30_000, keepAliveTimeout: 10_000, connectionsCheckingInterval: 1_000, maxHeaderSize: 8_192 }, createApp({ run, live, texts, jobs }));
  server.maxConnections = 2_000;
  const bound = await listen(server, host, port);
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    async stop(graceMs = drainMs) {
      // Ends the streams of events, which would go on as long as the jobs do.
      jobs.close();
      const cut = setTimeout(() => server.closeAllConnections(), graceMs);
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
      });
      clearTimeout(cut);
      await Promise.all([texts.close(), live.close()]);
    },
  };
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(fail('ADDRESS_IN_USE', { host, port, reason: reasonOf(error) }, error)));
    server.listen({ host, port }, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}
