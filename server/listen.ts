// Serves the application on a port, with timeouts against slow clients and a shutdown that lets requests
// finish.

import { createServer, type Server } from 'node:http';
import { fail, reasonOf } from '../run/errors/errors.ts';
import type { Run } from '../run/run.ts';
import { paperFindings } from '../ranking/budget/curve.ts';
import { shareDatabase } from '../data/duckdb/run-database.ts';
import { createApp } from './app.ts';
import { limitConnections, readProxies } from './connections.ts';
import { Gate } from '../ranking/why/gate.ts';
import { isLoopback, loopbackHosts, mostHeaderBytes } from './guard.ts';
import { Jobs } from './jobs/jobs.ts';
import { Keys } from './keys.ts';
import { Live } from './live.ts';
import { openMetrics } from './metrics.ts';
import { TextThread } from '../ranking/why/text-thread.ts';

export interface ListenOptions {
  host: string;
  /** 0 picks a free port. */
  port: number;
  /** The keys file, which must then exist; default: keys.json in the run folder. */
  keysPath?: string;
  /** Further host names to accept requests for, such as that of a proxy. */
  allowHosts?: readonly string[];
  /** Requests per minute from one address; default: 6,000, on loopback no limit. */
  requestsPerMinute?: number;
  /** Concurrent connections from one address; default: 200, on loopback no limit. */
  connectionsPerAddress?: number;
  /**
   * Addresses or networks of proxies: their connections are not limited, and their requests count against the
   * address in X-Forwarded-For.
   */
  proxies?: readonly string[];
}

export interface Listening {
  url: string;
  /** Stops accepting connections, lets requests finish for at most `graceMs`, and closes everything. */
  stop(graceMs?: number): Promise<void>;
}

/** For requests to finish, and for everything to close: 10 s in total. */
const drainMs = 8_000;
const stopMs = 9_500;
const idleCheckMs = 50;
/** [ours] Enough for a busy page, and for a program that sends requests all day. */
const requestsPerMinuteElsewhere = 6_000;
/** [ours] A browser uses six; a program with more gets slower. */
const connectionsPerAddressElsewhere = 200;
const mostConnections = 2_000;
/** Bytes of request bodies in memory at a time: eight of the largest, and room for small ones. */
const bodyBytes = 34 << 20;
const bodiesWaiting = 64;
/** Concurrent requests that read the disk; they share a database of 768 MB, and each may use every core. */
const heavyAtOnce = 3;
const heavyWaiting = 64;
/** Timeouts against slow clients. Event streams never stay silent this long. */
const timeouts = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 10_000,
  connectionsCheckingInterval: 1_000,
};
const silentMs = 150_000;

/** Serves a run. Errors: KEYS_NEEDED, KEYS_UNUSABLE, OPTION_INVALID, ADDRESS_IN_USE. */
export async function serveRun(
  served: Run,
  {
    host,
    port,
    keysPath,
    allowHosts = [],
    requestsPerMinute,
    connectionsPerAddress,
    proxies = [],
  }: ListenOptions,
): Promise<Listening> {
  const loopback = isLoopback(host);
  const known = readProxies(proxies);
  if (known === undefined)
    throw fail('OPTION_INVALID', {
      option: '--trust-proxy',
      got: proxies.join(', '),
      allowed: 'an IP address, or a network such as 10.0.0.0/8',
    });
  const keys = new Keys(
    keysPath ?? served.files.apiKeys,
    loopback ? (keysPath === undefined ? undefined : {}) : { host },
  );
  const perMinute = requestsPerMinute ?? (loopback ? undefined : requestsPerMinuteElsewhere);
  const run: Run = { ...served, confined: true };
  const database = await shareDatabase(run);
  const opening = Live.open(run);
  // Created once, while the ranking is read.
  paperFindings();
  const live = await opening;
  const texts = new TextThread(run);
  const jobs = await Jobs.open(run);
  const gate = new Gate(heavyAtOnce, heavyWaiting);
  const bodies = new Gate(bodyBytes, bodiesWaiting);
  let refused = (): number => 0;
  const state = {
    run,
    live,
    texts,
    jobs,
    keys,
    gate,
    bodies,
    metrics: openMetrics(live, gate, keys, () => refused()),
  };
  const app = createApp(state, {
    ...(loopback ? { hosts: [...loopbackHosts, ...allowHosts] } : {}),
    ...(perMinute === undefined ? {} : { requestsPerMinute: perMinute }),
    proxies: known,
  });
  const server = createServer({ ...timeouts, maxHeaderSize: mostHeaderBytes }, app);
  server.timeout = silentMs;
  // Node.js drops all headers after the first 1,000 by default, and the guard must see every one.
  server.maxHeadersCount = 0;
  server.maxConnections = mostConnections;
  const perAddress = connectionsPerAddress ?? (loopback ? undefined : connectionsPerAddressElsewhere);
  if (perAddress !== undefined) refused = limitConnections(server, perAddress, known);
  const bound = await listen(server, host, port);
  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${bound}`,
    async stop(graceMs = drainMs) {
      const startedMs = performance.now();
      // Ends the event streams, which would otherwise last as long as the jobs.
      jobs.close();
      const cut = setTimeout(() => server.closeAllConnections(), graceMs);
      // Otherwise a connection would stay open for the next request.
      const idle = setInterval(() => server.closeIdleConnections(), idleCheckMs);
      await new Promise<void>((resolve) => server.close(() => resolve()));
      clearInterval(idle);
      clearTimeout(cut);
      keys.close();
      await Promise.all([
        texts.close(),
        live.close(Math.max(1_000, stopMs - (performance.now() - startedMs))),
      ]);
      await database.close();
    },
  };
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(fail('ADDRESS_IN_USE', { host, port, reason: reasonOf(error) }, error)),
    );
    server.listen({ host, port }, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}
