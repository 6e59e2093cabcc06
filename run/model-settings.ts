// The settings of language models.

import { z } from 'zod';
import { countNumber as count, positiveNumber, secondsNumber } from './bounds.ts';
import { isAddress, showPath } from './address.ts';

/** A name that can be a file and part of an address. */
export const name = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_.-]*$/,
    'a name that starts with a letter or digit and has only letters, digits, ".", "_", or "-"',
  );

/** What `model` can be beside one name, folder or address: servers that share the work. */
const serversSchema = z.union([
  z.array(z.string().refine(isAddress, 'the address of a server')).min(1).max(1024),
  z.strictObject({
    /** A folder in which each server announces its address in a file. */
    servers: z.string().min(1),
  }),
]);
export type Servers = z.output<typeof serversSchema>;

/** A language model, named once and used by its name. */
export const modelSchema = z.strictObject({
  name,
  /** A hub name, a folder, the address of a server, `batch`, `dummy`, or several servers of one model. */
  model: z.union([z.string().min(1), serversSchema]),
  /** The model's name at the server; may be left out where the server has one. */
  endpointModel: z.string().min(1).optional(),
  /** Prompts go through the model's chat template, as a user's message. */
  chat: z.boolean().default(false),
  /** Less than the model's own context. */
  contextTokens: count.min(16).optional(),
  device: z.enum(['auto', 'cpu', 'cuda', 'webgpu']).default('auto'),
  dtype: z.enum(['auto', 'fp32', 'fp16', 'q8', 'q4']).default('auto'),
  /** CPU threads for a local model. */
  threads: count.max(1024).optional(),
  /** Which server API to use. */
  route: z.enum(['auto', 'llama.cpp', 'completions', 'chat']).default('auto'),
  /** Most likely tokens to ask a server for. */
  topLogProbabilities: count.max(1000).default(20),
  /** At each server. */
  requestsAtOnce: count.max(256).default(8),
  timeoutSeconds: secondsNumber.max(3600).default(120),
  /** How long to wait while none of several servers answers. */
  waitSeconds: secondsNumber.default(600),
  /** What the server charges, in any currency, for tokens that it reads or writes. */
  price: z.strictObject({ perMillionTokens: positiveNumber }).optional(),
  /** Environment variable that holds the server's key. */
  keyVariable: z
    .string()
    .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'the name of an environment variable')
    .optional(),
});
export type ModelEntry = z.output<typeof modelSchema>;
/** A model in one place. */
export type ModelSettings = Omit<ModelEntry, 'model'> & { model: string };

/** Where a model is, without secrets. */
export function showPlace(model: ModelEntry['model']): string {
  if (typeof model === 'string') return showPath(model);
  return 'servers' in model ? `servers in ${model.servers}` : model.map(showPath).join(', ');
}
