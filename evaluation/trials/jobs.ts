// The training jobs of a trial. All are the same but for their arm, seed and learning rate.

import { join } from 'node:path';
import type { JobPlan } from '../../models/trainer/write-job.ts';
import type { Run } from '../../run/run.ts';
import { modelSizes, type ModelSize } from './sizes.ts';
import { type PlannedArm, tokenizerJob, type TrialPlan } from './plan-file.ts';

/** What all jobs of a trial share. */
export type TrialDesign = Pick<
  TrialPlan,
  'name' | 'model' | 'tokenizer' | 'tokens' | 'sequenceLength' | 'batchTokens' | 'readings' | 'decayShare'
>;

export const itemsFile = 'items.jsonl';
export const textsFile = 'texts.jsonl';
export const validationFile = 'validation.jsonl';

/** The size with this name; undefined for a folder. */
export function sizeOf(model: string): ModelSize | undefined {
  return Object.entries<ModelSize>(modelSizes).find(([name]) => name === model)?.[1];
}

export function nameJob(trial: string, arm: string, seed: number, learningRate: number): string {
  return `${trial}.${arm}.s${seed}.lr${learningRate + 1}`;
}

/** What a job measures its model on: a file in the trial's folder. */
interface Measured {
  input: string;
  file: string;
  kind: 'items' | 'texts';
}

interface OneModel {
  arm: PlannedArm;
  seed: number;
  learningRate: number;
}

/** The job that trains one model. `folder` is the trial's; `hasTexts` says whether a text could be held out. */
export function trainingJob(
  run: Run,
  folder: string,
  design: TrialDesign,
  { hasTexts, ...model }: OneModel & { hasTexts: boolean },
): JobPlan {
  const texts: Measured = { input: 'texts', file: textsFile, kind: 'texts' };
  return pretrainJob(run, folder, design, model, [
    { input: 'items', file: itemsFile, kind: 'items' },
    ...(hasTexts ? [texts] : []),
  ]);
}

/** The job that tries a learning rate: measured on the validation texts alone, at the end. */
export function tuningJob(run: Run, folder: string, design: TrialDesign, model: OneModel): JobPlan {
  return pretrainJob(run, folder, { ...design, readings: [] }, model, [
    { input: 'validation', file: validationFile, kind: 'texts' },
  ]);
}

function pretrainJob(
  run: Run,
  folder: string,
  design: TrialDesign,
  { arm, seed, learningRate }: OneModel,
  measured: readonly Measured[],
): JobPlan {
  const size = sizeOf(design.model);
  const tokenizer = locateTokenizer(run, design);
  return {
    kind: 'pretrain',
    seed,
    model:
      size === undefined
        ? { folder: design.model }
        : { new: { ...size.shape, keyValueHeads: size.shape.heads } },
    ...(tokenizer === undefined ? {} : { tokenizer }),
    inputs: [
      ...arm.files.map(({ file }) => ({ name: 'train', path: join(folder, file) })),
      ...measured.map(({ input, file }) => ({ name: input, path: join(folder, file) })),
    ],
    settings: {
      tokens: design.tokens,
      sequenceLength: design.sequenceLength,
      batchTokens: design.batchTokens,
      learningRate,
      readings: design.readings,
      decayShare: design.decayShare,
      maskAcrossDocuments: true,
      textField: run.settings.corpus.fields.text,
      evaluations: measured.map(({ input, kind }) => ({ input, kind })),
    },
  };
}

/** The job that trains the tokenizer, on the arm without a filter; undefined if the trial trains none. */
export function tokenizerPlan(
  run: Run,
  folder: string,
  { tokenizer }: TrialDesign,
  arm: PlannedArm,
): JobPlan | undefined {
  const vocabulary = vocabularyOf(tokenizer);
  if (vocabulary === undefined) return undefined;
  return {
    kind: 'tokenizer',
    inputs: arm.files.map(({ file }) => ({ name: 'train', path: join(folder, file) })),
    settings: { vocabulary, textField: run.settings.corpus.fields.text },
  };
}

/** The vocabulary of a tokenizer to train; undefined for others. */
export function vocabularyOf(tokenizer: string): number | undefined {
  const [, digits] = /^bpe:(\d{3,7})$/.exec(tokenizer) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

function locateTokenizer(
  run: Run,
  { name, tokenizer }: TrialDesign,
): 'bytes' | { folder: string } | undefined {
  if (tokenizer === '') return undefined;
  if (tokenizer === 'bytes') return tokenizer;
  return {
    folder:
      vocabularyOf(tokenizer) === undefined
        ? tokenizer
        : join(run.files.training, tokenizerJob(name), 'tokenizer'),
  };
}

/** Tokens that a job trains on: its own, and those of the decay branches at its readings. */
export function trainedTokens({ tokens, readings, decayShare }: TrialDesign): number {
  return tokens + readings.filter((at) => at < tokens).reduce((sum, at) => sum + decayShare * at, 0);
}
