// Measures difficulty by reference models: plans them, trains those that are not trained yet, and collects what they
// say about the pairs that they did not learn from.

import { join } from 'node:path';
import { withLock } from '../../data/files/lock.ts';
import { readJobState } from '../../models/trainer/state.ts';
import type { Report } from '../../run/progress.ts';
import type { Run } from '../../run/run.ts';
import type { Measurement } from '../measurement.ts';
import { openPairs } from '../set.ts';
import { collectModels } from './collect.ts';
import type { ModelsWorker } from './estimate.ts';
import type { ModelsOptions } from './options.ts';
import { type ModelsPlan, planModels } from './plan.ts';

/** A plan, and its jobs that are not done. */
export interface PlannedModels {
  plan: ModelsPlan;
  /** Folders. */
  left: string[];
}

/** Plans, or finds the plan. Errors: those of `openPairs` and `planModels`, RUN_LOCKED. */
export async function planMeasurement(
  run: Run,
  name: string,
  options: ModelsOptions,
  worker: Pick<ModelsWorker, 'measure'>,
  report: Report,
): Promise<PlannedModels> {
  const set = await openPairs(run, name);
  const plan = await withLock(run, () => planModels(run, set, options, worker, report), report);
  const left: string[] = [];
  for (const job of plan.jobs) {
    const folder = join(run.files.training, job.name);
    if ((await readJobState(folder))?.state !== 'done') left.push(folder);
  }
  return { plan, left };
}

/** Collects the results of a plan. Errors: those of `openPairs` and `collectModels`, RUN_LOCKED. */
export async function collectMeasurement(
  run: Run,
  name: string,
  plan: ModelsPlan,
  options: ModelsOptions,
  report: Report,
): Promise<Measurement> {
  const set = await openPairs(run, name);
  return withLock(run, () => collectModels(run, set, plan, options), report);
}

/** Plans, trains and collects. Errors: those of the steps and of the worker. */
export async function measureByModels(
  run: Run,
  name: string,
  options: ModelsOptions,
  worker: ModelsWorker,
  report: Report,
): Promise<Measurement> {
  const { plan, left } = await planMeasurement(run, name, options, worker, report);
  if (left.length > 0) await worker.run(left, report);
  return collectMeasurement(run, name, plan, options, report);
}
