// What the scan for leaks and its worker threads say to each other.

import { z } from 'zod';
import { chunkSchema } from '../data/chunks.ts';
import { shardSchema } from '../data/documents.ts';
import type { ErrorData } from '../run/errors/errors.ts';

/** What a worker needs to know once. All paths are absolute. */
export const setupSchema = z.object({
  items: z.array(z.object({ benchmark: z.string(), item: z.string(), text: z.string() })),
  runWords: z.number(),
  fields: z.object({ id: z.string(), text: z.string(), source: z.string(), tokens: z.string() }),
  folder: z.string(),
  quarantine: z.string(),
});
export type Setup = z.output<typeof setupSchema>;

/** One chunk of a shard; `name` names the part that is written, `bytes` is about how much it is. */
export const taskSchema = z.object({
  name: z.string(),
  shard: shardSchema,
  chunk: chunkSchema,
  bytes: z.number(),
});
export type ScanTask = z.output<typeof taskSchema>;
export const jobSchema = z.union([z.literal('end'), taskSchema]);

/** What a part says of itself. */
export const partNoteSchema = z.object({
  name: z.string(),
  documents: z.number(),
  textBytes: z.number(),
  quarantined: z.number(),
});
export type PartNote = z.output<typeof partNoteSchema>;

export type ScanReply =
  | { kind: 'ready' }
  | { kind: 'progress'; textBytes: number }
  | { kind: 'done' }
  | { kind: 'failed'; error: ErrorData };
