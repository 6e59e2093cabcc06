// Plans reference models: splits the pairs three times, and writes a training job for each half, which learns from that
// half and judges the other. A plan that is there already is used again, so that a measurement can go on.

import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { z } from 'zod';
import { commitSealedJson, readSealedJson } from '../../data/files/commit.ts';
import { hashModelFolder } from '../../models/trainer/folder-hash.ts';
import { type JobPlan, writeJob } from '../../models/trainer/write-job.ts';
import { fail } from '../../run/errors/errors.ts';
import type { Report } from '../../run/progress.ts';
import { fingerprint, type Run } from '../../run/run.ts';
import { splitPairs } from '../folds.ts';
import type { PairSet } from '../set.ts';
import { estimateModels, estimateSchema, type ModelsWorker } from './estimate.ts';
import { halfFile, halfNames, writeHalves } from './inputs.ts';
import type { ModelsOptions } from './options.ts';

const planSchema = z.strictObject({
  version: z.literal(1),
  /** Fingerprint of the options, the model and the pairs. */
  from: z.string(),
  name: z.string(),
  jobs: z.array(z.strictObject({ name: z.string(), split: z.number(), half: z.number() })),
  /** Groups of pairs with similar prompts, and the pairs in the largest. */
  groups: z.number(),
  largest: z.number(),
  notes: z.array(z.string()),
  /** Undefined until some steps are timed. */
  estimate: estimateSchema.optional(),
});
export type ModelsPlan = z.output<typeof planSchema>;

/** The folder with the plan and the inputs of a measurement's models. */
export function modelsFolder(set: PairSet, measurement: string): string {
  return join(set.files.folder, 'models', measurement);
}

/**
 * Plans a measurement and times some steps, or finds its plan. The run must be locked. Errors: PAIRS_MODELS_OTHER,
 * PAIRS_NOT_SPLIT, DISK_FULL, those of `writeJob` and of the worker.
 */
export async function planModels(
  run: Run,
  set: PairSet,
  options: ModelsOptions,
  worker: Pick<ModelsWorker, 'measure'>,
  report: Report,
): Promise<ModelsPlan> {
  const folder = modelsFolder(set, options.name);
  const path = join(folder, 'plan.json');
  const from = fingerprint({
    version: 1,
    options: { ...options, checkpoints: null, modelName: null, model: await hashModel(options) },
    pairs: set.seal,
  });
  const command = `betr pairs measure ${set.name} --by models`;
  let plan = await readSealedJson(path, planSchema, command);
  if (plan !== undefined && plan.from !== from)
    throw fail('PAIRS_MODELS_OTHER', { name: options.name, folder });
  if (plan === undefined) {
    // What an interrupted plan left.
    await rm(folder, { recursive: true, force: true });
    plan = { version: 1, from, name: options.name, ...(await makeJobs(run, set, options, folder, report)) };
    await commitSealedJson(path, plan);
  }
  if (plan.estimate !== undefined) return plan;
  report({ stage: 'pairs: time some steps', done: 0, total: 1, unit: 'models' });
  const whole = { ...plan, estimate: await estimateModels(run, plan.jobs, worker) };
  await commitSealedJson(path, whole);
  return whole;
}

async function hashModel({ model }: ModelsOptions): Promise<string> {
  // A job's model is fixed by its job.json and seed.
  return 'checkpoint' in model
    ? `job ${basename(model.checkpoint)}`
    : ((await hashModelFolder(model.folder)) ?? model.folder);
}

async function makeJobs(
  run: Run,
  set: PairSet,
  options: ModelsOptions,
  folder: string,
  report: Report,
): Promise<Pick<ModelsPlan, 'jobs' | 'groups' | 'largest' | 'notes'>> {
  report({ stage: 'pairs: split into halves', done: 0, total: set.card.pairs, unit: 'pairs' });
  const splits = await splitPairs(set, options.seed);
  await writeHalves(run, set, splits, folder, options.chat);
  const jobs: ModelsPlan['jobs'] = [];
  for (const split of splits.halves.keys())
    for (const half of halfNames.keys()) {
      const name = `pairs.${set.name}.${options.name}.f${split}${halfNames[half] ?? ''}`;
      await writeJob(run.files.training, name, trainingJob(options, folder, split, half));
      jobs.push({ name, split, half });
    }
  return { jobs, groups: splits.groups, largest: splits.largest.pairs, notes: splits.notes };
}

/** The job of the model that learns from one half and judges the other. */
function trainingJob(options: ModelsOptions, folder: string, split: number, half: number): JobPlan {
  return {
    kind: 'dpo',
    seed: (options.seed * 100 + split * halfNames.length + half) % 2 ** 32,
    model: options.model,
    inputs: [
      { name: 'pairs', path: halfFile(folder, split, half) },
      { name: 'held', path: halfFile(folder, split, 1 - half) },
    ],
    settings: {
      beta: options.beta,
      learningRate: options.learningRate,
      epochs: options.epochs,
      batchSize: options.batchSize,
      maxLength: options.maxLength,
      maxPromptLength: options.maxPromptLength,
      lora: options.lora,
      schedule: 'cosine',
      warmupShare: 0.1,
      measure: 'held',
      measureAt: options.measureAt,
      // What they say about the pairs is all that is wanted of them.
      keepModel: false,
      ...(options.chatTemplate === null ? {} : { chatTemplate: options.chatTemplate }),
    },
  };
}
