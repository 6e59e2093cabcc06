// What a trial needs of the Python worker. The command gives the real one, tests a stand-in.

import type { Report } from '../../run/progress.ts';

/** What some steps of a job took, as the worker measures it. */
export interface MeasuredSteps {
  tokensPerSecond: number;
  peakMemoryMb: number;
  /** Of training, for each token. */
  flopsPerToken: number;
}

export interface TrialWorker {
  /** Trains `steps` steps of the job in a folder, and leaves the folder as it was. */
  measure(folder: string, steps: number): Promise<MeasuredSteps>;
  /** Does the jobs in these folders, as many at once as fit. Finished ones take no time. */
  run(folders: readonly string[], report: Report): Promise<void>;
}
