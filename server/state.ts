// What every route can reach: the run, the ranking that is being served, and the server's own parts.

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
  /** For work that asks the disk, by number. */
  gate: Gate;
  /** For bodies, by bytes. */
  bodies: Gate;
  metrics: Metrics;
}

/** The application's own state: each request is lent its view of the ranking. */
export interface AppState extends ServerState {
  live: Live;
}
