// What a measurement by reference models will take, from some steps of its first job.

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { JobMeasure } from '../../models/trainer/measure.ts';
import { readJob } from '../../models/trainer/read-job.ts';
import type { Report } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';

/** What a measurement needs of the Python worker. Commands give the real one, tests a stand-in. */
export interface ModelsWorker {
  /** Times some steps of the job in a folder, and leaves the folder as it was. */
  measure(folder: string, steps: number): Promise<JobMeasure>;
  /** Does the jobs in these folders. Errors: that of the first job that was not done. */
  run(folders: readonly string[], report: Report): Promise<void>;
}

export const estimateSchema = z.strictObject({
  models: z.number(),
  secondsPerStep: z.number(),
  /** Of all models, one after the other. */
  seconds: z.number(),
  flops: z.number(),
  diskBytes: z.number(),
  peakMemoryMb: z.number(),
});
export type ModelsEstimate = z.output<typeof estimateSchema>;

const timedSteps = 4;
/** A trained weight, and the two moments of Adam, in float32. */
const bytesPerTrained = 12;

/** Times some steps of the first of these jobs. Errors: those of the worker. */
export async function estimateModels(
  run: Run,
  jobs: readonly { name: string }[],
  worker: Pick<ModelsWorker, 'measure'>,
): Promise<ModelsEstimate> {
  const first = join(run.files.training, jobs[0]?.name ?? '');
  const timed = await worker.measure(first, timedSteps);
  let inputs = 0;
  const job = (await readJob(first))?.job;
  for (const { path } of job?.inputs ?? []) inputs += (await stat(join(first, path))).size;
  return {
    models: jobs.length,
    secondsPerStep: timed.secondsPerStep,
    seconds: jobs.length * (timed.seconds ?? 0),
    flops: jobs.length * (timed.flops ?? 0),
    // Two jobs share two halves.
    diskBytes: (jobs.length / 2) * inputs + jobs.length * bytesPerTrained * (timed.trainable ?? 0),
    peakMemoryMb: timed.peakMemoryMb,
  };
}
