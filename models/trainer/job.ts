// The schema of job.json, which says what the Python worker is to do: one schema for every kind of job. Both
// sides check a job with it: this one with zod, the worker with job.schema.json, which `npm run docs` generates
// from it. Defaults are here and nowhere else.

import { z } from 'zod';
import {
  countNumber as count,
  minNumber,
  positiveNumber as positive,
  secondsNumber,
} from '../../run/bounds.ts';

/** Workers refuse jobs of other versions. */
export const jobVersion = 1;

/** Absolute, or relative to the job's folder. */
const path = z.string().min(1).max(4096);
export const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'a SHA-256 as 64 hexadecimal digits');
const share = z.number().min(0).max(1);
const inputName = z.string().regex(/^[A-Za-z][A-Za-z0-9_-]{0,63}$/, 'a name of letters, digits, "_" and "-"');
const field = z.string().min(1).max(100);

/** The hash of a folder is defined in folder-hash.ts; without one, the folder is used as it is found. */
const folder = z.strictObject({ folder: path, sha256: sha256.optional() });

const savedModel = z.union([
  folder.extend({
    /** Accepts weights in pickles and the model's own code. */
    trustModelCode: z.boolean().default(false),
  }),
  /** The newest checkpoint of another job. */
  z.strictObject({ checkpoint: path }),
]);

/** A Llama of these sizes, with random weights. Its vocabulary is the tokenizer's. */
const newModel = z.strictObject({
  new: z.strictObject({
    hidden: count.max(65_536),
    layers: count.max(1024),
    heads: count.max(1024),
    keyValueHeads: count.max(1024),
    mlp: count.max(1_048_576),
    tieEmbeddings: z.boolean().default(true),
  }),
});

/** `bytes`: one token for each byte, and an end-of-text token. By default, the model folder's own tokenizer. */
const tokenizer = z.union([z.literal('bytes'), folder]);

const input = z.strictObject({
  /** Files with the same name are one data set, in this order. */
  name: inputName,
  path,
  sha256,
});
/** The share of a file's tokens in a mixture, relative to the others'; by default, by size. */
const weightedInput = input.extend({ weight: positive.optional() });
const inputs = z.array(input).min(1).max(100_000);
const weightedInputs = z.array(weightedInput).min(1).max(100_000);

const limits = z
  .strictObject({
    /** CPU threads; by default, one for each core. */
    threads: count.max(1024).optional(),
    /** A killed job loses at most this much work. */
    checkpointSeconds: secondsNumber.default(300),
    memoryGb: positive.optional(),
  })
  .prefault({});

const dtype = z.enum(['float32', 'bfloat16', 'auto']).default('auto');
/** Instead of the tokenizer's own: a template in Jinja, or `plain`, which writes "User: …" and "Assistant: …". */
const chatTemplate = z.string().min(1).max(100_000).optional();
/** Largest norm of the gradient; 0 does not limit it. */
const gradientClip = z.number().min(0).max(1e6).default(1);
const betas = z.tuple([share, share]);

/** Data sets to measure on. */
const evaluations = z
  .array(z.strictObject({ input: inputName, kind: z.enum(['items', 'texts']) }))
  .max(1000)
  .default([]);

/** What every kind that trains by the loop of pretrain has. */
const pretraining = {
  /** Tokens to train on, repeats included. */
  tokens: count,
  sequenceLength: count.max(1_048_576).default(512),
  /** Tokens in a step, whatever fits into memory at once. */
  batchTokens: count.default(8192),
  learningRate: positive,
  /** Share of all tokens over which the learning rate rises. */
  warmupShare: share.default(0.02),
  weightDecay: z.number().min(0).max(1e6).default(0.1),
  betas: betas.default([0.9, 0.95]),
  eps: positive.default(1e-8),
  gradientClip,
  /** Token counts at which the model is measured; the end is always one. */
  readings: z.array(count).max(1000).default([]),
  /** Whether attention stays within a document. */
  maskAcrossDocuments: z.boolean().default(true),
  textField: field.default('text'),
  dtype,
  compile: z.boolean().default(false),
  evaluations,
  /** Whether the model of every reading is kept in checkpoints/. */
  keepReadings: z.boolean().default(false),
};

const pretrainSettings = z.strictObject({
  ...pretraining,
  /** Length of the decay branch at a reading, as a share of the tokens read so far. */
  decayShare: share.default(0.2),
});

const continueSettings = z.strictObject({
  ...pretraining,
  /** Base data, mixed in with this share of the tokens. */
  rehearse: z.strictObject({ input: inputName, share: z.number().min(0).lt(1) }).optional(),
  optimizer: z.enum(['resume', 'new']).default('resume'),
  /** Share of all tokens, at the end, over which the learning rate falls to zero. */
  decayShare: share.default(1),
});

const lossesSettings = z
  .strictObject({
    /** By default, the data sets "items" and "texts". */
    evaluations,
    byToken: z.boolean().default(false),
    /** Tokens that the model reads at once. */
    batchTokens: count.default(8192),
    textField: field.default('text'),
  })
  .prefault({});

const generateSettings = z
  .strictObject({
    /** Answers to each prompt. */
    samples: count.max(100_000).default(1),
    /** 0: always the most likely token. */
    temperature: z.number().min(0).max(100).default(1),
    topP: z.number().min(minNumber).max(1).default(1),
    maxTokens: count.max(1_048_576).default(256),
    /** Prompts generated together. */
    batch: count.max(65_536).default(16),
    /** Texts that end an answer. */
    stop: z.array(z.string().min(1).max(1000)).max(100).default([]),
    chatTemplate,
    dtype,
  })
  .prefault({});

const lora = z
  .strictObject({
    r: count.max(65_536),
    alpha: positive,
    dropout: z.number().min(0).lt(1).default(0),
  })
  .nullable()
  .default(null);

/** What the kinds that tune a model on answers or pairs share. */
const tuning = {
  epochs: count.max(10_000).default(1),
  learningRate: positive,
  batchSize: count.max(65_536).default(8),
  maxLength: count.max(1_048_576).default(1024),
  order: z.enum(['sequential', 'random']).default('random'),
  optimizer: z.enum(['adamw', 'sgd', 'rmsprop']).default('adamw'),
  schedule: z.enum(['constant', 'linear', 'cosine']).default('linear'),
  warmupShare: share.default(0.1),
  weightDecay: z.number().min(0).max(1e6).default(0),
  gradientClip,
  lora,
  chatTemplate,
  dtype,
};

const sftSettings = z.strictObject(tuning);

const dpoSettings = z.strictObject({
  ...tuning,
  /** Stops after so many steps instead of `epochs`, with as many passes as that takes. */
  steps: count.max(1_000_000_000).optional(),
  beta: positive.default(0.1),
  maxPromptLength: count.max(1_048_576).default(512),
  /** A data set of pairs whose margins are written at points of the training. */
  measure: inputName.optional(),
  /** How many evenly spaced points; the last is the end. By default, after each epoch. */
  measureAt: count.max(10_000).optional(),
  /** Whether a LoRA model is also kept merged, in checkpoints/. */
  keepModel: z.boolean().default(true),
});

const influenceSettings = z.strictObject({
  optimizer: z.enum(['adamw', 'sgd']).default('adamw'),
  learningRate: positive,
  betas: betas.default([0.9, 0.95]),
  eps: positive.default(1e-8),
  weightDecay: z.number().min(0).max(1e6).default(0.1),
  /** Whether the probe step continues from the checkpoint's optimizer state. */
  state: z.boolean().default(true),
  /** Whether to also write the first-order approximation. */
  firstOrder: z.boolean().default(false),
  maxLength: count.max(1_048_576).optional(),
  chatTemplate,
  dtype,
});

const tokenizerSettings = z
  .strictObject({
    /** Tokens, the end-of-text token included. */
    vocabulary: count.min(257).max(1_048_576).default(4096),
    /** Most text to learn from. */
    bytes: count.default(100_000_000),
    textField: field.default('text'),
  })
  .prefault({});

function kind<K extends string, M extends z.ZodType, S extends z.ZodType, I extends z.ZodType>(
  name: K,
  model: M,
  settings: S,
  data: I,
) {
  return z.strictObject({
    version: z.literal(jobVersion),
    kind: z.literal(name),
    seed: z
      .number()
      .int()
      .min(0)
      .max(2 ** 32 - 1)
      .default(0),
    model,
    tokenizer: tokenizer.optional(),
    inputs: data,
    settings,
    limits,
  });
}

const tokenizerJob = kind('tokenizer', z.never(), tokenizerSettings, inputs).omit({
  model: true,
  tokenizer: true,
});

/** A job of any kind. */
export const jobSchema = z.discriminatedUnion('kind', [
  kind('pretrain', z.union([newModel, savedModel]), pretrainSettings, inputs),
  kind('continue', savedModel, continueSettings, weightedInputs),
  kind('losses', savedModel, lossesSettings, inputs),
  kind('generate', savedModel, generateSettings, inputs),
  kind('sft', savedModel, sftSettings, inputs),
  kind('dpo', savedModel, dpoSettings, inputs),
  kind('influence', savedModel, influenceSettings, inputs),
  tokenizerJob,
]);

export type Job = z.output<typeof jobSchema>;
/** A job before its defaults are filled in. */
export type JobDraft = z.input<typeof jobSchema>;
export type JobKind = Job['kind'];

/** The text of job.schema.json. */
export function jobJsonSchema(): string {
  const schema = z.toJSONSchema(jobSchema, { io: 'input' });
  const about = 'Generated by `npm run docs` from models/trainer/job.ts.';
  return `${JSON.stringify({ $schema: schema.$schema, title: 'job.json', description: about, ...schema }, null, 1)}\n`;
}
