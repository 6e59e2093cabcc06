// What every route can reach: the run, the served ranking, and the server's shared parts.

import type { Run } from '../run/run.ts';
import type { Gate } from '../ranking/why/gate.ts';
import type { Jobs } from './jobs/jobs.ts';
import type { Keys } from './keys.ts';
import type { Live, LiveView } from './live.ts';
import type { Metrics } from './metrics.ts';
import type { TextThread } from '../ranking/why/text-thread.ts';

export interface ServerState {
  run: Run;
  live: LiveView;
  texts: TextThread;
  jobs: Jobs;
  keys: Keys;
  /** Limits work that reads the disk, by number of requests. */
  gate: Gate;
  /** Limits bodies in memory, by bytes. */
  bodies: Gate;
  metrics: Metrics;
}

/** The application's state: each request is lent its view of the ranking. */
export interface AppState extends ServerState {
  live: Live;
}
