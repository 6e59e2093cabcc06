// What a trial on preference pairs will take, from some steps of one job of each length.

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readJob } from '../../models/trainer/read-job.ts';
import type { ModelsWorker } from '../../pairs/models/estimate.ts';
import type { Report } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import type { PairModel, PairTrialEstimate } from './plan-file.ts';

const timedSteps = 4;
/** A weight in float32. */
const bytesPerWeight = 4;
/** A trained weight, and the two moments of Adam. */
const bytesPerTrained = 12;

/** Times some steps; jobs with the same number of steps take as long. Errors: those of the worker. */
export async function estimateTraining(
  run: Run,
  models: readonly PairModel[],
  worker: Pick<ModelsWorker, 'measure'>,
  report: Report,
): Promise<PairTrialEstimate> {
  const lengths = new Map<number, PairModel[]>();
  for (const model of models) lengths.set(model.steps, [...(lengths.get(model.steps) ?? []), model]);
  const estimate: PairTrialEstimate = { seconds: 0, flops: 0, diskBytes: 0, peakMemoryMb: 0 };
  let done = 0;
  for (const own of lengths.values()) {
    report({ stage: 'pairs: time some steps', done: done++, total: lengths.size, unit: 'models' });
    const folder = join(run.files.training, own[0]?.train.name ?? '');
    const timed = await worker.measure(folder, timedSteps);
    estimate.seconds += own.length * (timed.seconds ?? 0);
    estimate.flops += own.length * (timed.flops ?? 0);
    estimate.diskBytes += own.length * bytesPerTrained * (timed.trainable ?? 0);
    // The merged model of a job with LoRA.
    estimate.diskBytes += own.length * bytesPerWeight * (timed.parameters ?? 0);
    estimate.peakMemoryMb = Math.max(estimate.peakMemoryMb, timed.peakMemoryMb);
  }
  for (const path of await listInputs(run, models)) estimate.diskBytes += (await stat(path)).size;
  return estimate;
}

async function listInputs(run: Run, models: readonly PairModel[]): Promise<Set<string>> {
  const paths = new Set<string>();
  for (const { train } of models) {
    const folder = join(run.files.training, train.name);
    for (const { path } of (await readJob(folder))?.job.inputs ?? []) paths.add(join(folder, path));
  }
  return paths;
}
