// What every route can reach: the run, and the ranking that is being served.

import type { Run } from '../data/run.ts';
import type { Jobs } from './jobs.ts';
import type { Live } from './live.ts';
import type { Texts } from './texts.ts';

export interface ServerState {
  run: Run;
  live: Live;
  texts: Texts;
  jobs: Jobs;
}
