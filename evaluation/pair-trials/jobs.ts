// The jobs of a trial on preference pairs: one trains a model and measures it on the held-out pairs; two more read
// benchmark items with it, and let it answer held-out prompts.

import { join } from 'node:path';
import type { JobPlan } from '../../models/trainer/write-job.ts';
import type { StartModel } from '../../pairs/models/options.ts';
import type { Budget } from './plan-file.ts';

export const heldOutFile = 'held-out.jsonl.gz';
export const itemsFile = 'items.jsonl';
export const promptsFile = 'prompts.jsonl';

/** How all models of a trial are trained. */
export interface Training {
  model: StartModel;
  beta: number;
  learningRate: number;
  epochs: number;
  batchSize: number;
  /** In tokens. */
  maxLength: number;
  maxPromptLength: number;
  /** Null trains all weights. */
  lora: { r: number; alpha: number; dropout: number } | null;
  order: 'random' | 'sequential';
  chatTemplate: string | null;
}

/** Steps of so many pairs and epochs. */
export function stepsOf({ batchSize, epochs }: Training, pairs: number): number {
  return epochs * Math.ceil(pairs / batchSize);
}

/** A share of the pairs as part of a job's name. */
export function keepId(keep: number): string {
  return `k${Number((100 * keep).toPrecision(6))}`;
}

/** The job that trains on a file of pairs and measures the held-out ones at the end; `steps` replaces the epochs. */
export function trainJob(
  folder: string,
  training: Training,
  { file, seed, steps }: { file: string; seed: number; steps: number | undefined },
): JobPlan {
  const { model, chatTemplate, ...settings } = training;
  return {
    kind: 'dpo',
    seed,
    model,
    inputs: [
      { name: 'pairs', path: join(folder, file) },
      { name: 'held', path: join(folder, heldOutFile) },
    ],
    settings: {
      ...settings,
      ...(steps === undefined ? {} : { steps }),
      schedule: 'cosine',
      measure: 'held',
      measureAt: 1,
      ...(chatTemplate === null ? {} : { chatTemplate }),
    },
  };
}

/** The job that reads the benchmark items. */
export function itemsJob(folder: string, model: StartModel): JobPlan {
  return {
    kind: 'losses',
    model,
    inputs: [{ name: 'items', path: join(folder, itemsFile) }],
    settings: { evaluations: [{ input: 'items', kind: 'items' }] },
  };
}

/** The job that answers the prompts. */
export function answersJob(
  folder: string,
  model: StartModel,
  { seed, maxTokens, chatTemplate }: { seed: number; maxTokens: number; chatTemplate: string | null },
): JobPlan {
  return {
    kind: 'generate',
    seed,
    model,
    inputs: [{ name: 'prompts', path: join(folder, promptsFile) }],
    settings: { maxTokens, temperature: 0.7, ...(chatTemplate === null ? {} : { chatTemplate }) },
  };
}

/** The budgets that a model stands for. */
export function budgetsOf(budget: Budget | 'both', all: readonly Budget[]): readonly Budget[] {
  return budget === 'both' ? all : [budget];
}
