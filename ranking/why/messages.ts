// The messages between the server and its text worker.

import { z } from 'zod';
import { count } from '../../run/schemas.ts';
import { shardSchema } from '../../data/documents.ts';
import type { ErrorData } from '../../run/errors/errors.ts';
import type { Explanation } from '../../classifier/explain.ts';
import type { NearExample } from '../../indexer/search/nearest-examples.ts';

/** The weights that the ranking was made with. */
const weights = z.object({ sha256: z.string() });
const mostTexts = 64;
/** The body of a request to score texts. */
export const textsSchema = z.strictObject({
  texts: z
    .array(z.string())
    .min(1)
    .max(mostTexts)
    .meta({ description: `1 to ${mostTexts} texts.` }),
});

export const taskSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('heads'), shard: shardSchema, rows: z.array(count), withinMs: z.number() }),
  z.object({
    kind: z.literal('explain'),
    shard: shardSchema,
    row: count,
    weights,
    output: z.string(),
    ngrams: count,
    places: count,
    withinMs: z.number(),
  }),
  z.object({
    kind: z.literal('nearest'),
    shard: shardSchema,
    row: count,
    examples: count,
    withinMs: z.number(),
  }),
  z.object({ kind: z.literal('score'), weights, body: z.instanceof(Uint8Array) }),
]);
export type TextTask = z.output<typeof taskSchema>;

/** The result of each kind of task. */
export interface Results {
  heads: { row: number; head?: Uint8Array; bytes?: number; error?: ErrorData }[];
  explain: { explanation: Explanation; head: Uint8Array; bytes: number };
  nearest: NearExample[];
  score: { outputs: string[]; scores: Float32Array };
}

export const requestSchema = z.object({ id: z.number(), task: taskSchema });
/** Asks the worker to finish what it is doing and to end. */
export const endMessage = 'end';
export const setupSchema = z.object({ settingsPath: z.string(), ranking: z.string() });

export type TextReply = { id: number; result: Results[keyof Results] } | { id: number; error: ErrorData };
