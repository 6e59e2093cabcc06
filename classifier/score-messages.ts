// What `scoreCorpus` and its worker threads say to each other.

import { z } from 'zod';
import type { ErrorData } from '../data/errors.ts';
import { tokenRatesSchema } from '../indexer/tokens.ts';
import type { Part } from './part.ts';

const shard = z.object({
  name: z.string(),
  path: z.string(),
  format: z.enum(['jsonl', 'jsonl.gz', 'jsonl.zst', 'parquet']),
  bytes: z.number(),
  modifiedMs: z.number(),
});

/** What a worker needs to know once. All paths are absolute. */
export const setupSchema = z.object({
  weights: z.string(),
  scorerFingerprint: z.string(),
  rates: tokenRatesSchema,
  fields: z.object({ id: z.string(), text: z.string(), source: z.string(), tokens: z.string() }),
  folder: z.string(),
  quarantine: z.string(),
  spill: z.string(),
});
export type Setup = z.output<typeof setupSchema>;

export const jobSchema = z.union([z.literal('end'), z.object({ shard, chunk: z.string() })]);
export type Job = z.output<typeof jobSchema>;

export type Reply =
  | { kind: 'ready' }
  | { kind: 'progress'; documents: number; textBytes: number }
  | { kind: 'done'; parts: Part[] }
  | { kind: 'failed'; error: ErrorData };
