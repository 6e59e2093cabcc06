// The server's metrics, for Prometheus.

import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Gate } from '../ranking/why/gate.ts';
import type { Keys } from './keys.ts';
import type { Live } from './live.ts';

export interface Metrics {
  /** Returns a function that counts the requests of a route (method and path) by status and duration. */
  counter(route: string): (status: number, ms: number) => void;
  read(): Promise<string>;
}

const secondsBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export function openMetrics(live: Live, gate: Gate, keys: Keys, connectionsRefused: () => number): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: 'betr_http_request_seconds',
    help: 'Response time by route and status.',
    labelNames: ['route', 'status'],
    buckets: secondsBuckets,
    registers: [registry],
  });
  const gauge = (name: string, help: string, read: () => number): void => {
    const own: Gauge = new Gauge({ name, help, registers: [registry], collect: () => own.set(read()) });
  };
  gauge('betr_ranking_ready', '1 if there is a ranking to answer from.', () =>
    Number(live.state().serving !== undefined),
  );
  gauge('betr_ranking_problem', '1 if the newest ranking could not be loaded (see /readyz).', () =>
    Number(live.state().problem !== undefined),
  );
  gauge(
    'betr_ranking_documents',
    'Documents in the served ranking.',
    () => live.state().serving?.ranking.documents ?? 0,
  );
  gauge(
    'betr_ranking_tokens',
    'Tokens in the served ranking.',
    () => live.state().serving?.ranking.tokens ?? 0,
  );
  gauge(
    'betr_ranking_published_seconds',
    'Unix time at which the served ranking was published.',
    () => Date.parse(live.state().serving?.ranking.publishedAt ?? '1970-01-01') / 1000,
  );
  const counter = (name: string, help: string, read: () => number): void => {
    const own: Counter = new Counter({
      name,
      help,
      registers: [registry],
      collect: () => {
        own.reset();
        own.inc(read());
      },
    });
  };
  counter(
    'betr_keys_problems_total',
    'Times that the API keys file became unusable, so that requests were refused (see /readyz).',
    () => keys.problems(),
  );
  counter(
    'betr_connections_refused_total',
    'Connections closed because their address had too many.',
    connectionsRefused,
  );
  gauge('betr_heavy_working', 'Requests that are reading the disk.', () => gate.load().working);
  gauge('betr_heavy_waiting', 'Requests that are waiting to read the disk.', () => gate.load().waiting);
  const info: Gauge = new Gauge({
    name: 'betr_ranking_info',
    help: 'Generation of the served ranking.',
    labelNames: ['generation'],
    registers: [registry],
    collect: () => {
      info.reset();
      const { serving } = live.state();
      if (serving !== undefined) info.set({ generation: serving.ranking.generation }, 1);
    },
  });
  return {
    counter(route) {
      const byStatus = new Map<number, Histogram.Internal<'route' | 'status'>>();
      return (status, ms) => {
        const own = byStatus.get(status) ?? requests.labels({ route, status });
        byStatus.set(status, own);
        own.observe(ms / 1000);
      };
    },
    read: () => registry.metrics(),
  };
}
