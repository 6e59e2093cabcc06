// train_dpo.py and its settings, which train a model on a selection with TRL.

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { commitBytes } from '../data/files/commit.ts';
import { ifThere } from '../run/errors/errors.ts';
import { productFolder } from '../run/product-folder.ts';
import { readRegular } from '../run/regular-file.ts';
import type { OpenCut } from './answer.ts';
import type { MeasurementCard } from './measurement.ts';

const script = 'train_dpo.py';
const settingsFile = 'train_dpo.yaml';
const templateFile = 'chat_template.jinja';

/** The files, which users may edit. */
export const trainingFiles = [script, settingsFile, templateFile] as const;

/** Writes the files and returns their names. Errors: WRITE_FAILED, DISK_FULL. */
export async function writeTrainingFiles(
  folder: string,
  { measurement: { card } }: Pick<OpenCut, 'measurement'>,
  references: boolean,
): Promise<readonly string[]> {
  await commitBytes(join(folder, script), await readRegular(join(productFolder(), 'pairs', script)));
  const { start, chatTemplate } = card.settings;
  const isOwn = typeof chatTemplate === 'string' && chatTemplate !== 'plain';
  if (isOwn) await commitBytes(join(folder, templateFile), chatTemplate);
  await commitBytes(
    join(folder, settingsFile),
    describeTraining(card, {
      references,
      model: typeof start === 'string' ? await findModel(start) : undefined,
      template: isOwn ? templateFile : chatTemplate === 'plain' ? 'plain' : undefined,
    }),
  );
  return isOwn ? trainingFiles : [script, settingsFile];
}

/** The folder of a model, or of the model that a training job made; undefined if it is gone. */
async function findModel(folder: string): Promise<string | undefined> {
  for (const each of [folder, join(folder, 'checkpoint')])
    if ((await ifThere(stat(join(each, 'config.json')))) !== undefined) return each;
  return undefined;
}

/** The settings of train_dpo.py: those of the paper's reference models, with the measurement's β. */
function describeTraining(
  { beta, settings }: MeasurementCard,
  {
    references,
    model,
    template,
  }: { references: boolean; model?: string | undefined; template?: string | undefined },
): string {
  const { maxLength } = settings;
  const from = references
    ? '# file: use the log probabilities of the pairs in train.jsonl, after comparing 32 with the model. ' +
      'recompute: do not.'
    : '# train.jsonl has no log probabilities of the reference model, so TRL computes them.';
  return `# Settings of train_dpo.py.

# A folder, or a name on the Hugging Face hub; also --model.
model: ${model === undefined ? 'null' : JSON.stringify(model)}
data: train.jsonl
output: dpo-model
# For a model without one: plain, or a file with a Jinja template.
chat_template: ${template ?? 'null'}
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
  max_length: ${typeof maxLength === 'number' ? maxLength : 1024}
  logging_steps: 10
  save_strategy: epoch
  # The file is in order of difficulty.
  train_sampling_strategy: sequential
`;
}
