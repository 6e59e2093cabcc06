// What the server counts about itself, for Prometheus.

import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Gate } from '../ranking/why/gate.ts';
import type { Keys } from './keys.ts';
import type { Live } from './live.ts';

export interface Metrics {
  /** What counts the requests of a route (its method and path): how they ended, and how long they took. */
  counter(route: string): (status: number, ms: number) => void;
  read(): Promise<string>;
}

const secondsBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export function openMetrics(live: Live, gate: Gate, keys: Keys, connectionsRefused: () => number): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const requests = new Histogram({
    name: 'betr_http_request_seconds',
    help: 'Time to answer, by route and status.',
    labelNames: ['route', 'status'],
    buckets: secondsBuckets,
    registers: [registry],
  });
  const gauge = (name: string, help: string, read: () => number): void => {
    const own: Gauge = new Gauge({ name, help, registers: [registry], collect: () => own.set(read()) });
  };
  gauge('betr_ranking_ready', 'Whether there is a ranking to answer from.', () =>
    Number(live.state().serving !== undefined),
  );
  gauge('betr_ranking_problem', 'Whether the newest ranking could not be taken (readyz says why).', () =>
    Number(live.state().problem !== undefined),
  );
  gauge(
    'betr_ranking_documents',
    'Documents of the ranking that is served.',
    () => live.state().serving?.ranking.documents ?? 0,
  );
  gauge(
    'betr_ranking_tokens',
    'Tokens of the ranking that is served.',
    () => live.state().serving?.ranking.tokens ?? 0,
  );
  gauge(
    'betr_ranking_published_seconds',
    'When the ranking that is served was published, in Unix time.',
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
    'How often the file of API keys turned out to be unusable, so that nobody was let in (readyz says ' +
      'why as long as it is).',
    () => keys.problems(),
  );
  counter(
    'betr_connections_refused_total',
    'Connections that were closed because their address had too many.',
    connectionsRefused,
  );
  gauge('betr_heavy_working', 'Requests at work that ask the disk.', () => gate.load().working);
  gauge('betr_heavy_waiting', 'Requests that wait for their turn to.', () => gate.load().waiting);
  const info: Gauge = new Gauge({
    name: 'betr_ranking_info',
    help: 'The generation that is served.',
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
