// Messages between the leak scan and its worker threads.

import { z } from 'zod';
import { chunkSchema } from '../data/chunks.ts';
import { shardSchema } from '../data/documents.ts';
import type { ErrorData } from '../run/errors/errors.ts';

/** What a worker receives once, at its start. All paths are absolute. */
export const setupSchema = z.object({
  items: z.array(z.object({ benchmark: z.string(), item: z.string(), text: z.string() })),
  runWords: z.number(),
  fields: z.object({ id: z.string(), text: z.string(), source: z.string(), tokens: z.string() }),
  folder: z.string(),
  quarantine: z.string(),
});
export type Setup = z.output<typeof setupSchema>;

/** One chunk of a shard; `name` is the name of the part it produces, `bytes` its approximate size. */
export const taskSchema = z.object({
  name: z.string(),
  shard: shardSchema,
  chunk: chunkSchema,
  bytes: z.number(),
});
export type ScanTask = z.output<typeof taskSchema>;
export const jobSchema = z.union([z.literal('end'), taskSchema]);

/** The note in a part. */
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
