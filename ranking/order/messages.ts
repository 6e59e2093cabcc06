// The messages between `Orders` and its worker thread. Arrays are in shared memory, so passing them is free.

import { z } from 'zod';
import type { ErrorData } from '../../run/errors/errors.ts';
import type { Run } from '../../run/run.ts';
import type { Ranking } from '../generation.ts';
import type { Order } from './order.ts';

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null;

/** The same process validated both when it read them. */
export const setupSchema = z.object({ run: z.custom<Run>(isObject), ranking: z.custom<Ranking>(isObject) });
export type Setup = z.output<typeof setupSchema>;

const array = z.custom<Uint32Array>((value) => value instanceof Uint32Array);

export const taskSchema = z.union([
  z.object({ kind: z.literal('order') }),
  z.object({ kind: z.literal('stop') }),
  z.object({ kind: z.literal('end') }),
  z.object({ kind: z.literal('ranks') }),
  z.object({ kind: z.literal('check') }),
  z.object({ kind: z.literal('keys'), order: z.custom<Order>(isObject) }),
  z.object({
    kind: z.literal('retarget'),
    benchmarks: z.array(z.string()),
    tokens: array,
    keyOrder: array.optional(),
  }),
]);
/**
 * `stop` interrupts the current task if possible, and `end` the thread, too. Neither is a task itself or has a
 * reply.
 */
export type OrderTask = z.output<typeof taskSchema>;

/** The last reply to a task is `done` or `failed`. */
export const replySchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('order'),
    order: z.custom<Order>(isObject),
    ranking: z.custom<Ranking>(isObject),
    keyOrder: array.optional(),
  }),
  z.object({ kind: z.literal('done') }),
  z.object({ kind: z.literal('failed'), error: z.custom<ErrorData>(isObject) }),
]);
export type OrderReply = z.output<typeof replySchema>;
