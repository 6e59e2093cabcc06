// How reference models are trained, and what they start from. Defaults are those of Selective DPO (arXiv 2502.09650,
// appendix): what it leaves open, the batch, is ours.

import type { Checkpoints } from '../difficulty.ts';

/** The model that training starts from: a Hugging Face folder, or the folder of a training job. */
export type StartModel = { folder: string } | { checkpoint: string };

export interface ModelsOptions {
  /** The measurement's name. */
  name: string;
  model: StartModel;
  /** As people call it. */
  modelName: string;
  /** Of the splits into halves; also decides the models' seeds. */
  seed: number;
  beta: number;
  learningRate: number;
  epochs: number;
  batchSize: number;
  /** In tokens. */
  maxLength: number;
  maxPromptLength: number;
  /** Null trains all weights. */
  lora: { r: number; alpha: number; dropout: number } | null;
  /** How often the pairs are judged during the training; the last time is the end. */
  measureAt: number;
  checkpoints: Checkpoints;
  /** Plain text is written as messages, by the chat template. */
  chat: boolean;
  /** `plain`, or a template in Jinja, instead of the tokenizer's own. */
  chatTemplate: string | null;
}

export const paperDefaults = {
  seed: 1,
  beta: 0.01,
  learningRate: 3e-5,
  epochs: 1,
  batchSize: 8,
  maxLength: 1024,
  maxPromptLength: 512,
  lora: { r: 16, alpha: 16, dropout: 0.05 },
  /** The paper judges once, at the end; its code takes the mean of five checkpoints. */
  measureAt: { last: 1, mean: 5 },
} as const;

/** The name of a measurement by models: models-MODEL, with -seedN for other splits than the first. */
export function measurementName(modelName: string, seed: number): string {
  const plain = modelName
    .replaceAll(/[^\w.-]+/g, '-')
    .replace(/^[-.]+/, '')
    .slice(0, 60);
  return `models-${plain}${seed === paperDefaults.seed ? '' : `-seed${seed}`}`;
}
