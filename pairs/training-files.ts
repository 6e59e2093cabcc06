// train_dpo.py and its settings, which train a model on a selection with TRL.

import { join } from 'node:path';
import { commitBytes } from '../data/files/commit.ts';
import { productFolder } from '../run/product-folder.ts';
import { readRegular } from '../run/regular-file.ts';
import type { OpenCut } from './answer.ts';
import type { MeasurementCard } from './measurement.ts';

const script = 'train_dpo.py';
const settingsFile = 'train_dpo.yaml';

/** The files, which users may edit. */
export const trainingFiles = [script, settingsFile] as const;

/** Writes the files and returns their names. Errors: WRITE_FAILED, DISK_FULL. */
export async function writeTrainingFiles(
  folder: string,
  { measurement: { card } }: Pick<OpenCut, 'measurement'>,
  references: boolean,
): Promise<readonly string[]> {
  await commitBytes(join(folder, script), await readRegular(join(productFolder(), 'pairs', script)));
  await commitBytes(join(folder, settingsFile), describeTraining(card, references));
  return trainingFiles;
}

/** The settings of train_dpo.py: those of the paper's reference models, with the measurement's β. */
function describeTraining({ method, model, beta, settings }: MeasurementCard, references: boolean): string {
  const { maxLength = 1024 } = settings;
  const from = references
    ? '# file: use the log probabilities of the pairs in train.jsonl, after comparing 32 with the model. recompute: do not.'
    : '# train.jsonl has no log probabilities of the reference model, so TRL computes them.';
  return `# Settings of train_dpo.py.

# A folder, or a name on the Hugging Face hub; also --model.
model: ${method === 'models' && model !== undefined ? JSON.stringify(model) : 'null'}
data: train.jsonl
output: dpo-model
# A file with a Jinja template, for a model without one.
chat_template: null
${from}
references: ${references ? 'file' : 'recompute'}

# An adapter, by peft.LoraConfig. null trains the whole model, which needs a lower learning rate, such as 5.0e-7.
lora:
  r: 16
  lora_alpha: 16
  lora_dropout: 0.05
  target_modules: all-linear

# Any setting of trl.DPOConfig.
training:
  beta: ${beta ?? 0.01}
  num_train_epochs: 1
  learning_rate: 3.0e-5
  lr_scheduler_type: cosine
  warmup_steps: 0.1
  per_device_train_batch_size: 4
  gradient_accumulation_steps: 4
  max_length: ${maxLength}
  logging_steps: 10
  save_strategy: epoch
  # The file is in order of difficulty.
  train_sampling_strategy: sequential
`;
}
